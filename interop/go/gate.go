package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"sync"
)

// gate lets the two sides of a conversation agree, outside the connection under test, on how far
// they are, so that no conversation has to sleep. Signals are lines of the form "signal NAME".
type gate struct {
	mu      sync.Mutex
	out     io.Writer
	changed *sync.Cond
	seen    map[string]int
	ended   bool
}

func newGate(in io.Reader, out io.Writer) *gate {
	g := &gate{out: out, seen: make(map[string]int)}
	g.changed = sync.NewCond(&g.mu)
	go g.listen(in)
	return g
}

func (g *gate) listen(in io.Reader) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "signal "); ok {
			g.mu.Lock()
			g.seen[name]++
			g.changed.Broadcast()
			g.mu.Unlock()
		}
	}
	g.mu.Lock()
	g.ended = true
	g.changed.Broadcast()
	g.mu.Unlock()
}

// signal tells the other side that the point called name is reached.
func (g *gate) signal(name string) error {
	_, err := fmt.Fprintf(g.out, "signal %s\n", name)
	return err
}

// wait blocks until the other side has signalled name, and uses that signal up.
func (g *gate) wait(name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.seen[name] == 0 {
		if g.ended {
			return fmt.Errorf("the other side ended before its signal %q", name)
		}
		g.changed.Wait()
	}
	g.seen[name]--
	return nil
}
