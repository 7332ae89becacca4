package main

import (
	"errors"
	"fmt"
	"io"
)

// pattern is an endless pseudo-random byte sequence that is a function of its seed alone. The Rust
// side computes the same one, so that either side can verify every byte that the other sent.
type pattern struct {
	seed   uint64
	offset uint64
}

// word is the output of SplitMix64 for one position of its counter.
func (p *pattern) word(index uint64) uint64 {
	z := p.seed + (index+1)*0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// fill writes the next len(buf) bytes of the sequence.
func (p *pattern) fill(buf []byte) {
	var w uint64
	for i := range buf {
		shift := p.offset % 8
		if shift == 0 || i == 0 {
			w = p.word(p.offset / 8)
		}
		buf[i] = byte(w >> (8 * shift))
		p.offset++
	}
}

// check compares buf with the next len(buf) bytes of the sequence.
func (p *pattern) check(buf []byte) error {
	var w uint64
	for i, got := range buf {
		shift := p.offset % 8
		if shift == 0 || i == 0 {
			w = p.word(p.offset / 8)
		}
		if want := byte(w >> (8 * shift)); got != want {
			return fmt.Errorf("seed %d: byte %d: expected %#02x, got %#02x", p.seed, p.offset, want, got)
		}
		p.offset++
	}
	return nil
}

// send writes total bytes of the sequence in writes of chunk bytes.
func send(w io.Writer, seed uint64, total, chunk int) error {
	p := pattern{seed: seed}
	buf := make([]byte, min(chunk, total))
	for total > 0 {
		part := buf[:min(len(buf), total)]
		p.fill(part)
		if _, err := w.Write(part); err != nil {
			return fmt.Errorf("write at byte %d: %w", p.offset-uint64(len(part)), err)
		}
		total -= len(part)
	}
	return nil
}

// receive reads exactly total bytes and verifies each.
func receive(r io.Reader, seed uint64, total int) error {
	p := pattern{seed: seed}
	buf := make([]byte, min(64<<10, total))
	for total > 0 {
		n, err := r.Read(buf[:min(len(buf), total)])
		if bad := p.check(buf[:n]); bad != nil {
			return bad
		}
		total -= n
		if err != nil && total > 0 {
			return fmt.Errorf("read at byte %d, %d to go: %w", p.offset, total, err)
		}
	}
	return nil
}

// receiveAll reads exactly total bytes, verifies each, and wants the end of the stream after them.
func receiveAll(r io.Reader, seed uint64, total int) error {
	if err := receive(r, seed, total); err != nil {
		return err
	}
	return wantEnd(r)
}

func wantEnd(r io.Reader) error {
	n, err := r.Read(make([]byte, 1))
	if n != 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("expected the end of the stream, got %d byte(s), error %v", n, err)
	}
	return nil
}
