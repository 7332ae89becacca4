package main

// sizes are the lengths of a request and of its response.
type sizes struct{ request, response int }

var (
	large = sizes{100_000, 150_000}
	// small keeps recordings readable.
	small = sizes{16, 24}
)

// Request, FIN, response, FIN: what an RPC over a stream looks like.
func (z sizes) requestFirstActive(p part) error {
	s, err := p.openStream()
	if err != nil {
		return err
	}
	if err := sendAndFinish(s, activeSeed, z.request); err != nil {
		return err
	}
	if err := receiveAll(s, passiveSeed, z.response); err != nil {
		return err
	}
	return p.endActive()
}

func (z sizes) requestFirstPassive(p part) error {
	s, err := p.acceptStream()
	if err != nil {
		return err
	}
	if err := receiveAll(s, activeSeed, z.request); err != nil {
		return err
	}
	if err := sendAndFinish(s, passiveSeed, z.response); err != nil {
		return err
	}
	return p.endPassive()
}

// The other order: the side that accepted the stream sends and finishes first.
func (z sizes) responseFirstActive(p part) error {
	s, err := p.openStream()
	if err != nil {
		return err
	}
	if err := receiveAll(s, passiveSeed, z.response); err != nil {
		return err
	}
	if err := sendAndFinish(s, activeSeed, z.request); err != nil {
		return err
	}
	return p.endActive()
}

func (z sizes) responseFirstPassive(p part) error {
	s, err := p.acceptStream()
	if err != nil {
		return err
	}
	if err := sendAndFinish(s, passiveSeed, z.response); err != nil {
		return err
	}
	if err := receiveAll(s, activeSeed, z.request); err != nil {
		return err
	}
	return p.endPassive()
}

func sendAndFinish(s stream, seed uint64, total int) error {
	if err := send(s, seed, total, 32<<10); err != nil {
		return err
	}
	return s.finish()
}

// finBeforeAcceptActive has its request and FIN at the other side before that side accepts.
func (z sizes) finBeforeAcceptActive(p part) error {
	s, err := p.openStream()
	if err != nil {
		return err
	}
	if err := sendAndFinish(s, activeSeed, z.request); err != nil {
		return err
	}
	// A pong says that the frames before the ping were processed. go-yamux sends a ping ahead of
	// frames in its queue, but a second one not before that queue had its turn.
	for range 2 {
		if _, err := p.ping(); err != nil {
			return err
		}
	}
	if err := p.signal("sent"); err != nil {
		return err
	}
	if err := receiveAll(s, passiveSeed, z.response); err != nil {
		return err
	}
	return p.endActive()
}

func (z sizes) finBeforeAcceptPassive(p part) error {
	if err := p.wait("sent"); err != nil {
		return err
	}
	return z.requestFirstPassive(p)
}
