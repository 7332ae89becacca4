package main

import (
	"fmt"
	"io"
)

// echoStream sends total bytes and FIN while it reads the same bytes back to the end.
func echoStream(s stream, seed uint64, total int) error {
	return both(
		func() error {
			if err := send(s, seed, total, 32<<10); err != nil {
				return err
			}
			return s.finish()
		},
		func() error { return receiveAll(s, seed, total) },
	)
}

// serveEcho returns what it reads until the end of the stream, then sends FIN.
func serveEcho(s stream) error {
	if _, err := io.Copy(writerOnly{s}, readerOnly{s}); err != nil {
		return fmt.Errorf("echo: %w", err)
	}
	return s.finish()
}

// The two wrappers keep io.Copy from using a shortcut of a library's stream.
type (
	writerOnly struct{ io.Writer }
	readerOnly struct{ io.Reader }
)

// serveEchoes accepts n streams and echoes them all at once.
func (p part) serveEchoes(n int) error {
	results := make(chan error, n)
	for range n {
		s, err := p.accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go func() { results <- serveEcho(s) }()
	}
	for range n {
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}

func (p part) openEcho(seed uint64, total int) error {
	s, err := p.open()
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	return echoStream(s, seed, total)
}

func echoActive(total int) func(part) error {
	return func(p part) error {
		if err := p.openEcho(1, total); err != nil {
			return err
		}
		return p.endActive()
	}
}

func echoPassive(streams int) func(part) error {
	return func(p part) error {
		if err := p.serveEchoes(streams); err != nil {
			return err
		}
		return p.endPassive()
	}
}

// concurrentActive keeps n streams open until each of them has carried data both ways.
func concurrentActive(n int) func(part) error {
	const size = 1024
	return func(p part) error {
		streams := make([]stream, n)
		for i := range streams {
			s, err := p.open()
			if err != nil {
				return fmt.Errorf("open stream %d: %w", i, err)
			}
			streams[i] = s
		}
		err := all(n, func(i int) error {
			if err := send(streams[i], uint64(i), size, size); err != nil {
				return err
			}
			return receive(streams[i], uint64(i), size)
		})
		if err != nil {
			return err
		}
		err = all(n, func(i int) error {
			if err := streams[i].finish(); err != nil {
				return err
			}
			return wantEnd(streams[i])
		})
		if err != nil {
			return err
		}
		return p.endActive()
	}
}

// shortStreamsActive opens n streams in all, up to 64 at once, each for one small echo.
func shortStreamsActive(n int) func(part) error {
	const workers, size = 64, 100
	return func(p part) error {
		err := all(workers, func(worker int) error {
			for i := worker; i < n; i += workers {
				if err := p.openEcho(uint64(i), size); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return p.endActive()
	}
}

// openAndAccept opens n streams and serves n of the other side's, all at once.
func openAndAccept(n int) func(part) error {
	return func(p part) error {
		err := both(
			func() error {
				return all(n, func(i int) error { return p.openEcho(uint64(i), 64<<10) })
			},
			func() error { return p.serveEchoes(n) },
		)
		if err != nil {
			return err
		}
		return p.endTogether()
	}
}

// endTogether ends a conversation in which neither side is the active one: both say that they are
// done, and the Yamux client closes.
func (p part) endTogether() error {
	if err := p.signal("done"); err != nil {
		return err
	}
	if err := p.wait("done"); err != nil {
		return err
	}
	if p.client {
		return p.close()
	}
	<-p.closed()
	return nil
}
