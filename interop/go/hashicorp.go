package main

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/yamux"
)

var hashicorp = library{
	name:    "hashicorp",
	traits:  traits{resetCodes: false, goAwayKeepsStreams: true},
	start:   startHashicorp,
	isReset: isHashicorpReset,
}

func startHashicorp(conn net.Conn, client bool, s settings) (session, error) {
	config := yamux.DefaultConfig()
	config.EnableKeepAlive = s.keepAlive > 0
	if s.keepAlive > 0 {
		config.KeepAliveInterval = s.keepAlive
	}
	if s.window > 0 {
		config.MaxStreamWindowSize = s.window
	}
	if s.backlog > 0 {
		config.AcceptBacklog = s.backlog
	}
	if s.streamCloseTimeout > 0 {
		config.StreamCloseTimeout = s.streamCloseTimeout
	}
	start := yamux.Server
	if client {
		start = yamux.Client
	}
	inner, err := start(conn, config)
	if err != nil {
		return nil, err
	}
	return &hashicorpSession{inner}, nil
}

func isHashicorpReset(err error, _ uint32) error {
	if errors.Is(err, yamux.ErrConnectionReset) {
		return nil
	}
	return fmt.Errorf("expected a reset, got %w", err)
}

type hashicorpSession struct{ inner *yamux.Session }

func (s *hashicorpSession) open() (stream, error)        { return wrapHashicorp(s.inner.OpenStream()) }
func (s *hashicorpSession) accept() (stream, error)      { return wrapHashicorp(s.inner.AcceptStream()) }
func (s *hashicorpSession) ping() (time.Duration, error) { return s.inner.Ping() }
func (s *hashicorpSession) goAway() error                { return s.inner.GoAway() }
func (s *hashicorpSession) close() error                 { return s.inner.Close() }
func (s *hashicorpSession) closed() <-chan struct{}      { return s.inner.CloseChan() }

type hashicorpStream struct{ *yamux.Stream }

func wrapHashicorp(inner *yamux.Stream, err error) (stream, error) {
	if err != nil {
		return nil, err
	}
	return hashicorpStream{inner}, nil
}

func (s hashicorpStream) finish() error { return s.Stream.Close() }

// reset closes the stream: this library has no call that resets one, but it does reset a stream
// that the other side has not closed within StreamCloseTimeout, which the conversation sets short.
func (s hashicorpStream) reset(uint32) error { return s.Stream.Close() }
