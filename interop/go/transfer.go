package main

import "fmt"

// The two directions of an exchange carry different sequences.
const (
	activeSeed  = 11
	passiveSeed = 12
)

func (p part) openStream() (stream, error) {
	s, err := p.open()
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return s, nil
}

func (p part) acceptStream() (stream, error) {
	s, err := p.accept()
	if err != nil {
		return nil, fmt.Errorf("accept: %w", err)
	}
	return s, nil
}

// exchange moves total bytes each way at once, in writes of chunk bytes.
func exchange(s stream, sendSeed, receiveSeed uint64, total, chunk int) error {
	return both(
		func() error {
			if err := send(s, sendSeed, total, chunk); err != nil {
				return err
			}
			return s.finish()
		},
		func() error { return receiveAll(s, receiveSeed, total) },
	)
}

func exchangeActive(total, chunk int) func(part) error {
	return func(p part) error {
		s, err := p.openStream()
		if err != nil {
			return err
		}
		if err := exchange(s, activeSeed, passiveSeed, total, chunk); err != nil {
			return err
		}
		return p.endActive()
	}
}

func exchangePassive(total, chunk int) func(part) error {
	return func(p part) error {
		s, err := p.acceptStream()
		if err != nil {
			return err
		}
		if err := exchange(s, passiveSeed, activeSeed, total, chunk); err != nil {
			return err
		}
		return p.endPassive()
	}
}

// downloadActive receives total bytes on one stream and answers with FIN alone.
func downloadActive(total int) func(part) error {
	return func(p part) error {
		s, err := p.openStream()
		if err != nil {
			return err
		}
		if err := receiveAll(s, passiveSeed, total); err != nil {
			return err
		}
		if err := s.finish(); err != nil {
			return err
		}
		return p.endActive()
	}
}

func downloadPassive(total int) func(part) error {
	return func(p part) error {
		s, err := p.acceptStream()
		if err != nil {
			return err
		}
		if err := send(s, passiveSeed, total, 256<<10); err != nil {
			return err
		}
		if err := s.finish(); err != nil {
			return err
		}
		if err := wantEnd(s); err != nil {
			return err
		}
		return p.endPassive()
	}
}

// stalledReaderActive fills one stream that nobody reads, and wants others to flow regardless.
func stalledReaderActive(p part) error {
	stalled, err := p.openStream()
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() { sent <- send(stalled, activeSeed, mib, 64<<10) }()
	err = all(flowing, func(i int) error { return p.openEcho(uint64(i), mib) })
	if err != nil {
		return err
	}
	if err := p.signal("flowed"); err != nil {
		return err
	}
	if err := <-sent; err != nil {
		return err
	}
	if err := stalled.finish(); err != nil {
		return err
	}
	if err := wantEnd(stalled); err != nil {
		return err
	}
	return p.endActive()
}

const flowing = 8

func stalledReaderPassive(p part) error {
	stalled, err := p.acceptStream()
	if err != nil {
		return err
	}
	if err := p.serveEchoes(flowing); err != nil {
		return err
	}
	if err := p.wait("flowed"); err != nil {
		return err
	}
	if err := receiveAll(stalled, activeSeed, mib); err != nil {
		return err
	}
	if err := stalled.finish(); err != nil {
		return err
	}
	return p.endPassive()
}
