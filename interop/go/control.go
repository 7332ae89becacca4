package main

import (
	"errors"
	"fmt"
	"io"
)

const (
	activeResetCode  = 7
	passiveResetCode = 9
	pings            = 10
)

// resetActive resets one stream and has another one reset by the passive side.
func resetActive(p part) error {
	s, err := p.openStream()
	if err != nil {
		return err
	}
	if err := echoByte(s); err != nil {
		return err
	}
	if err := s.reset(activeResetCode); err != nil {
		return err
	}
	s, err = p.openStream()
	if err != nil {
		return err
	}
	if err := echoByte(s); err != nil {
		return err
	}
	// A reset discards what is unread, so the byte has to be read before the reset comes.
	if err := p.signal("reset me"); err != nil {
		return err
	}
	if err := p.expectReset(s, passiveResetCode); err != nil {
		return err
	}
	return p.endActive()
}

func resetPassive(p part) error {
	s, err := p.acceptStream()
	if err != nil {
		return err
	}
	if err := answerByte(s); err != nil {
		return err
	}
	if err := p.expectReset(s, activeResetCode); err != nil {
		return err
	}
	s, err = p.acceptStream()
	if err != nil {
		return err
	}
	if err := answerByte(s); err != nil {
		return err
	}
	if err := p.wait("reset me"); err != nil {
		return err
	}
	if err := s.reset(passiveResetCode); err != nil {
		return err
	}
	return p.endPassive()
}

func echoByte(s stream) error {
	if err := send(s, activeSeed, 1, 1); err != nil {
		return err
	}
	return receive(s, passiveSeed, 1)
}

func answerByte(s stream) error {
	if err := receive(s, activeSeed, 1); err != nil {
		return err
	}
	return send(s, passiveSeed, 1, 1)
}

// readReset wants reading to fail with a reset.
func (p part) readReset(s stream, code uint32) error {
	_, err := s.Read(make([]byte, 1))
	if p.lenient && errors.Is(err, io.EOF) {
		return nil
	}
	return p.library.wantReset(err, code)
}

// expectReset wants reading to fail with a reset, and writing too.
func (p part) expectReset(s stream, code uint32) error {
	if bad := p.readReset(s, code); bad != nil {
		return fmt.Errorf("read: %w", bad)
	}
	var err error
	for err == nil {
		_, err = s.Write(make([]byte, 1000))
	}
	if bad := p.library.wantReset(err, code); bad != nil {
		return fmt.Errorf("write: %w", bad)
	}
	return nil
}

func (p part) pingRepeatedly() error {
	for i := range pings {
		if _, err := p.ping(); err != nil {
			return fmt.Errorf("ping %d: %w", i, err)
		}
	}
	return nil
}

// pingActive pings while a stream is busy, and so does the passive side.
func pingActive(p part) error {
	err := both(p.pingRepeatedly, func() error { return p.openEcho(1, 4*mib) })
	if err != nil {
		return err
	}
	return p.endActive()
}

func pingPassive(p part) error {
	err := both(p.pingRepeatedly, func() error { return p.serveEchoes(1) })
	if err != nil {
		return err
	}
	return p.endPassive()
}

// goAwayActive is told to go away: it may open no stream any more, the one that it has goes on.
func (z sizes) goAwayActive(p part) error {
	s, err := p.openStream()
	if err != nil {
		return err
	}
	if err := echoByte(s); err != nil {
		return err
	}
	if err := receive(s, passiveSeed, z.response); err != nil {
		return err
	}
	if _, err := p.open(); err == nil {
		return errors.New("expected open to fail after the other side's Go Away, but it succeeded")
	}
	if err := sendAndFinish(s, activeSeed, z.request); err != nil {
		return err
	}
	if err := wantEnd(s); err != nil {
		return err
	}
	return p.endActive()
}

func (z sizes) goAwayPassive(p part) error {
	s, err := p.acceptStream()
	if err != nil {
		return err
	}
	if err := answerByte(s); err != nil {
		return err
	}
	if err := p.goAway(); err != nil {
		return err
	}
	// These bytes follow the Go Away, so whoever has read them has seen it.
	if err := send(s, passiveSeed, z.response, 32<<10); err != nil {
		return err
	}
	if err := receiveAll(s, activeSeed, z.request); err != nil {
		return err
	}
	if err := s.finish(); err != nil {
		return err
	}
	return p.endPassive()
}

// keepaliveActive leaves a stream idle until the Rust side has counted enough keepalive pings and
// says so; the stream works afterwards.
func keepaliveActive(p part) error {
	s, err := p.openStream()
	if err != nil {
		return err
	}
	if err := echoByte(s); err != nil {
		return err
	}
	if err := p.wait("kept alive"); err != nil {
		return err
	}
	if err := echoStream(s, 1, 64<<10); err != nil {
		return err
	}
	return p.endActive()
}

func keepalivePassive(p part) error {
	s, err := p.acceptStream()
	if err != nil {
		return err
	}
	if err := answerByte(s); err != nil {
		return err
	}
	if err := p.wait("kept alive"); err != nil {
		return err
	}
	if err := serveEcho(s); err != nil {
		return err
	}
	return p.endPassive()
}
