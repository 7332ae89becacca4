package main

import (
	"fmt"
	"slices"
	"time"
)

// part is one side of a conversation: a session, and a gate to the other side.
type part struct {
	session
	*gate
	library library
	// lenient allows the other side to reset the way hashicorp/yamux does: FIN first, RST later.
	lenient bool
	client  bool
}

// conversation is a named exchange. The active side opens it, the passive side answers; which of
// them is the Yamux client is the caller's choice. The Rust side has the same names.
type conversation struct {
	name     string
	settings func(active bool) settings
	active   func(part) error
	passive  func(part) error
}

const mib = 1 << 20

func defaults(bool) settings { return settings{} }

func window(bytes uint32) func(bool) settings {
	return func(bool) settings { return settings{window: bytes} }
}

var conversations = []conversation{
	{"echo", defaults, echoActive(mib), echoPassive(1)},
	{"bulk", defaults, exchangeActive(100*mib, 64<<10), exchangePassive(100*mib, 64<<10)},
	{"thousand-streams", defaults, concurrentActive(1000), echoPassive(1000)},
	{"half-close-request-first", defaults, large.requestFirstActive, large.requestFirstPassive},
	{"half-close-response-first", defaults, large.responseFirstActive, large.responseFirstPassive},
	{"reset", shortStreamClose, resetActive, resetPassive},
	{"large-frames", window(16 * mib), exchangeActive(12*mib, 3*mib), exchangePassive(12*mib, 3*mib)},
	{"auto-tune", defaults, downloadActive(24 * mib), downloadPassive(24 * mib)},
	{"ping", defaults, pingActive, pingPassive},
	{"go-away", defaults, large.goAwayActive, large.goAwayPassive},
	{"fin-before-accept", defaults, large.finBeforeAcceptActive, large.finBeforeAcceptPassive},
	{"close-under-load", defaults, closeUnderLoadActive, closeUnderLoadPassive},
	{"close-after-fin", defaults, closeAfterFinActive, closeAfterFinPassive},
	{"close-unfinished", shortStreamClose, closeUnfinishedActive, closeUnfinishedPassive},
	{"accept-backlog", smallBacklog, acceptBacklogActive, acceptBacklogPassive},
	{"keepalive-by-us", defaults, keepaliveActive, keepalivePassive},
	{"keepalive-by-peer", shortKeepalive, keepaliveActive, keepalivePassive},
	{"abrupt-close", defaults, abruptCloseActive, abruptClosePassive},
	{"window-1-mib", window(mib), exchangeActive(16*mib, mib), exchangePassive(16*mib, mib)},
	{"window-16-mib", window(16 * mib), exchangeActive(48*mib, mib), exchangePassive(48*mib, mib)},
	{"simultaneous-open", defaults, openAndAccept(100), openAndAccept(100)},
	{"tls", defaults, exchangeActive(8*mib, 64<<10), exchangePassive(8*mib, 64<<10)},
	{"unix", defaults, exchangeActive(8*mib, 64<<10), exchangePassive(8*mib, 64<<10)},
	{"short-streams", defaults, shortStreamsActive(10_000), echoPassive(10_000)},
	{"stalled-reader", defaults, stalledReaderActive, stalledReaderPassive},
}

func findConversation(name string) (conversation, error) {
	for _, c := range slices.Concat(conversations, recorded) {
		if c.name == name {
			return c, nil
		}
	}
	return conversation{}, fmt.Errorf("no scenario %q", name)
}

func shortStreamClose(bool) settings {
	return settings{streamCloseTimeout: 20 * time.Millisecond}
}

func shortKeepalive(bool) settings { return settings{keepAlive: 50 * time.Millisecond} }

// smallBacklog shrinks the backlog of the accepting side only: the libraries also use the number
// as the limit of streams that they open ahead of an acknowledgement.
func smallBacklog(active bool) settings {
	if active {
		return settings{}
	}
	return settings{backlog: backlogAccepted}
}

// endActive waits until the passive side has finished with its streams, then closes the session.
func (p part) endActive() error {
	if err := p.wait("done"); err != nil {
		return err
	}
	return p.close()
}

// endPassive tells the active side that it may close, and waits until it has.
func (p part) endPassive() error {
	if err := p.signal("done"); err != nil {
		return err
	}
	<-p.closed()
	return nil
}

// all runs work(0) to work(n-1) at once and returns the first error.
func all(n int, work func(i int) error) error {
	results := make(chan error, n)
	for i := range n {
		go func() { results <- work(i) }()
	}
	for range n {
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}

func both(a, b func() error) error {
	return all(2, func(i int) error {
		if i == 0 {
			return a()
		}
		return b()
	})
}
