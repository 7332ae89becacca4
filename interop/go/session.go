package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// session is what the conversations need of a Yamux session, whichever library provides it.
type session interface {
	open() (stream, error)
	accept() (stream, error)
	ping() (time.Duration, error)
	goAway() error
	// close ends the session at once, which is all that either library offers.
	close() error
	closed() <-chan struct{}
}

// stream is what the conversations need of a Yamux stream.
type stream interface {
	io.Reader
	io.Writer
	// finish sends FIN; reading goes on.
	finish() error
	// reset ends both directions. A library that knows no codes ignores the code.
	reset(code uint32) error
}

// traits are the differences between the libraries that a conversation has to allow for.
type traits struct {
	// resetCodes: the code of a reset reaches the other side.
	resetCodes bool
	// goAwayKeepsStreams: receiving Go Away 0 leaves the streams that exist alone.
	goAwayKeepsStreams bool
}

// settings are the knobs that a conversation turns; zero values leave the library's default.
type settings struct {
	window             uint32
	backlog            int
	keepAlive          time.Duration
	streamCloseTimeout time.Duration
}

// library is one of the two Go implementations.
type library struct {
	name    string
	traits  traits
	start   func(conn net.Conn, client bool, s settings) (session, error)
	isReset func(err error, code uint32) error
}

var libraries = []library{hashicorp, goYamux}

func findLibrary(name string) (library, error) {
	for _, l := range libraries {
		if l.name == name {
			return l, nil
		}
	}
	return library{}, fmt.Errorf("no library %q: want hashicorp or go-yamux", name)
}

// wantReset turns the error of a read or write into nil if it is the reset that was expected.
func (l library) wantReset(err error, code uint32) error {
	switch {
	case err == nil:
		return errors.New("expected a reset, but the call succeeded")
	case errors.Is(err, io.EOF):
		return errors.New("expected a reset, got a clean end of the stream")
	default:
		return l.isReset(err, code)
	}
}
