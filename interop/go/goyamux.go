package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/libp2p/go-yamux/v5"
)

var goYamux = library{
	name:    "go-yamux",
	traits:  traits{resetCodes: true, goAwayKeepsStreams: false},
	start:   startGoYamux,
	isReset: isGoYamuxReset,
}

func startGoYamux(conn net.Conn, client bool, s settings) (session, error) {
	config := yamux.DefaultConfig()
	config.EnableKeepAlive = s.keepAlive > 0
	if s.keepAlive > 0 {
		config.KeepAliveInterval = s.keepAlive
	}
	if s.window > 0 {
		config.InitialStreamWindowSize = s.window
		config.MaxStreamWindowSize = max(s.window, config.MaxStreamWindowSize)
	}
	if s.backlog > 0 {
		config.AcceptBacklog = s.backlog
	}
	start := yamux.Server
	if client {
		start = yamux.Client
	}
	inner, err := start(conn, config, nil)
	if err != nil {
		return nil, err
	}
	return &goYamuxSession{inner}, nil
}

func isGoYamuxReset(err error, code uint32) error {
	var reset *yamux.StreamError
	if !errors.As(err, &reset) {
		return fmt.Errorf("expected a reset, got %w", err)
	}
	if reset.Remote && reset.ErrorCode != code {
		return fmt.Errorf("expected a reset with code %d, got code %d", code, reset.ErrorCode)
	}
	return nil
}

type goYamuxSession struct{ inner *yamux.Session }

func (s *goYamuxSession) open() (stream, error) {
	return wrapGoYamux(s.inner.OpenStream(context.Background()))
}
func (s *goYamuxSession) accept() (stream, error)      { return wrapGoYamux(s.inner.AcceptStream()) }
func (s *goYamuxSession) ping() (time.Duration, error) { return s.inner.Ping() }
func (s *goYamuxSession) goAway() error                { return s.inner.GoAway() }
func (s *goYamuxSession) close() error                 { return s.inner.Close() }
func (s *goYamuxSession) closed() <-chan struct{}      { return s.inner.CloseChan() }

type goYamuxStream struct{ *yamux.Stream }

func wrapGoYamux(inner *yamux.Stream, err error) (stream, error) {
	if err != nil {
		return nil, err
	}
	return goYamuxStream{inner}, nil
}

func (s goYamuxStream) finish() error           { return s.Stream.CloseWrite() }
func (s goYamuxStream) reset(code uint32) error { return s.Stream.ResetWithError(code) }
