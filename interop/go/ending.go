package main

import "fmt"

const (
	loadedStreams   = 8
	unreadSize      = 200_000
	backlogOpened   = 40
	backlogAccepted = 16
	backlogMessage  = 16
)

// closeUnderLoadActive writes and finishes several streams and then closes. The Rust session does
// so at once; a Go program has to wait for the other side's FINs itself, or loses what is in flight.
func closeUnderLoadActive(p part) error {
	streams := make([]stream, loadedStreams)
	for i := range streams {
		s, err := p.openStream()
		if err != nil {
			return err
		}
		streams[i] = s
	}
	err := all(loadedStreams, func(i int) error {
		if err := sendAndFinish(streams[i], uint64(i), mib); err != nil {
			return err
		}
		return wantEnd(streams[i])
	})
	if err != nil {
		return err
	}
	return p.close()
}

func closeUnderLoadPassive(p part) error {
	streams := make([]stream, loadedStreams)
	for i := range streams {
		s, err := p.acceptStream()
		if err != nil {
			return err
		}
		streams[i] = s
	}
	err := all(loadedStreams, func(i int) error {
		if err := receiveAll(streams[i], uint64(i), mib); err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
		return streams[i].finish()
	})
	if err != nil {
		return err
	}
	<-p.closed()
	return nil
}

// closeAfterFinActive closes right after its FIN, while the passive side has read nothing yet.
func closeAfterFinActive(p part) error {
	s, err := p.openStream()
	if err != nil {
		return err
	}
	if err := sendAndFinish(s, activeSeed, unreadSize); err != nil {
		return err
	}
	if err := p.signal("closing"); err != nil {
		return err
	}
	if err := wantEnd(s); err != nil {
		return err
	}
	return p.close()
}

func closeAfterFinPassive(p part) error {
	s, err := p.acceptStream()
	if err != nil {
		return err
	}
	if err := p.wait("closing"); err != nil {
		return err
	}
	// A session that closes too early has ended by the time that it should have answered.
	for range 3 {
		if _, err := p.ping(); err != nil {
			return fmt.Errorf("ping while the other side closes: %w", err)
		}
	}
	if err := receiveAll(s, activeSeed, unreadSize); err != nil {
		return err
	}
	if err := s.finish(); err != nil {
		return err
	}
	<-p.closed()
	return nil
}

// abruptCloseActive is in the middle of a stream when the passive side closes the session.
func abruptCloseActive(p part) error {
	s, err := p.openStream()
	if err != nil {
		return err
	}
	if err := echoByte(s); err != nil {
		return err
	}
	if err := p.signal("read"); err != nil {
		return err
	}
	// The library decides whether this is an error or looks like the end of the stream.
	if n, err := s.Read(make([]byte, 1)); n != 0 || err == nil {
		return fmt.Errorf("expected reading to fail after an abrupt close, got %d byte(s)", n)
	}
	<-p.closed()
	return nil
}

func abruptClosePassive(p part) error {
	s, err := p.acceptStream()
	if err != nil {
		return err
	}
	if err := answerByte(s); err != nil {
		return err
	}
	if err := p.wait("read"); err != nil {
		return err
	}
	return p.close()
}

// closeUnfinishedActive closes in the middle of a stream. The Rust session resets it by itself, a Go
// program has to.
func closeUnfinishedActive(p part) error {
	s, err := p.openStream()
	if err != nil {
		return err
	}
	if err := echoByte(s); err != nil {
		return err
	}
	if err := p.wait("answered"); err != nil {
		return err
	}
	if err := s.reset(0); err != nil {
		return err
	}
	return p.close()
}

func closeUnfinishedPassive(p part) error {
	s, err := p.acceptStream()
	if err != nil {
		return err
	}
	if err := answerByte(s); err != nil {
		return err
	}
	if err := p.signal("answered"); err != nil {
		return err
	}
	if bad := p.readReset(s, 0); bad != nil {
		return fmt.Errorf("what was cut off looks complete: %w", bad)
	}
	<-p.closed()
	return nil
}

// acceptBacklogActive opens more streams than the passive side queues: those beyond the limit are
// reset, and only when they all are does the passive side accept the others.
func acceptBacklogActive(p part) error {
	refused := make(chan struct{}, backlogOpened)
	go func() {
		for range backlogOpened - backlogAccepted {
			<-refused
		}
		_ = p.signal("refused")
	}()
	streams := make([]stream, backlogOpened)
	for i := range streams {
		s, err := p.openStream()
		if err != nil {
			return err
		}
		streams[i] = s
	}
	err := all(len(streams), func(i int) error {
		if i < backlogAccepted {
			return echoStream(streams[i], uint64(i), backlogMessage)
		}
		_, err := streams[i].Read(make([]byte, 1))
		if bad := p.library.wantReset(err, 0); bad != nil {
			return fmt.Errorf("stream %d, beyond the backlog of %d: %w", i, backlogAccepted, bad)
		}
		refused <- struct{}{}
		return nil
	})
	if err != nil {
		return err
	}
	return p.endActive()
}

func acceptBacklogPassive(p part) error {
	if err := p.wait("refused"); err != nil {
		return err
	}
	if err := p.serveEchoes(backlogAccepted); err != nil {
		return err
	}
	return p.endPassive()
}
