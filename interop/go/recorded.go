package main

// recorded are the conversations whose bytes are kept in interop/golden: as others, but short, and
// the active side waits for its start, so that what a library sends by itself comes first.
var recorded = []conversation{
	{"golden-echo", defaults, started(echoActive(small.request)), echoPassive(1)},
	{"golden-request-first", defaults, started(small.requestFirstActive), small.requestFirstPassive},
	{"golden-response-first", defaults, started(small.responseFirstActive), small.responseFirstPassive},
	{"golden-fin-before-accept", defaults, started(small.finBeforeAcceptActive), small.finBeforeAcceptPassive},
	{"golden-reset", shortStreamClose, started(resetActive), resetPassive},
	{"golden-go-away", defaults, started(small.goAwayActive), small.goAwayPassive},
	{"golden-ping", defaults, started(pingOnce(part.endActive)), started(pingOnce(part.endPassive))},
	{"golden-window", defaults, started(uploadActive(128 << 10)), uploadPassive(128 << 10)},
	{"golden-raised-window", window(mib), started(echoActive(small.request)), echoPassive(1)},
}

func started(play func(part) error) func(part) error {
	return func(p part) error {
		if err := p.wait("start"); err != nil {
			return err
		}
		return play(p)
	}
}

func pingOnce(end func(part) error) func(part) error {
	return func(p part) error {
		if _, err := p.ping(); err != nil {
			return err
		}
		return end(p)
	}
}

// uploadActive sends total bytes on one stream and wants FIN alone for an answer.
func uploadActive(total int) func(part) error {
	return func(p part) error {
		s, err := p.openStream()
		if err != nil {
			return err
		}
		if err := sendAndFinish(s, activeSeed, total); err != nil {
			return err
		}
		if err := wantEnd(s); err != nil {
			return err
		}
		return p.endActive()
	}
}

func uploadPassive(total int) func(part) error {
	return func(p part) error {
		s, err := p.acceptStream()
		if err != nil {
			return err
		}
		if err := receiveAll(s, activeSeed, total); err != nil {
			return err
		}
		if err := s.finish(); err != nil {
			return err
		}
		return p.endPassive()
	}
}
