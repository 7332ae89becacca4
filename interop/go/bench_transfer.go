package main

import (
	"errors"
	"io"
	"sync/atomic"
	"time"
)

const benchBulkWrite = 64 * 1024

// benchStreamPairs opens streams, each of which has carried a byte in both directions.
func benchStreamPairs(pair *benchPair, count int) (near, far []stream, err error) {
	for range count {
		accepted := make(chan error, 1)
		go func() {
			s, err := pair.server.accept()
			if err == nil {
				far = append(far, s)
				err = exchangeByte(s, false)
			}
			accepted <- err
		}()
		s, err := pair.client.open()
		if err == nil {
			near = append(near, s)
			err = exchangeByte(s, true)
		}
		if err := errors.Join(err, <-accepted); err != nil {
			return nil, nil, err
		}
	}
	return near, far, nil
}

func exchangeByte(s stream, first bool) error {
	b := []byte{1}
	send := func() error { _, err := s.Write(b); return err }
	receive := func() error { _, err := io.ReadFull(s, b); return err }
	if first {
		return errors.Join(send(), receive())
	}
	return errors.Join(receive(), send())
}

// benchDrain reads a stream to its end and counts.
func benchDrain(s stream, total *atomic.Uint64) error {
	buf := make([]byte, benchBulkWrite)
	for {
		n, err := s.Read(buf)
		total.Add(uint64(n))
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// benchSend writes pieces within the budget, then ends the stream.
func benchSend(s stream, size int, stride uint64, limit budget) error {
	data := make([]byte, size)
	for p := limit.start(stride); p.more(); {
		if _, err := s.Write(data); err != nil {
			return err
		}
	}
	return s.finish()
}

// transfer sends pieces on a number of streams at once and waits until all of them have arrived.
func transferBench(
	pair *benchPair, limit budget, streams, size int, stride uint64, rate string, unit uint64,
) (*measurement, error) {
	near, far, err := benchStreamPairs(pair, streams)
	if err != nil {
		return nil, err
	}
	limit = limit.share(streams)
	var total atomic.Uint64
	readers, writers := make(chan error, streams), make(chan error, streams)
	watch := startStopwatch()
	for i := range near {
		go func() { readers <- benchDrain(far[i], &total) }()
		go func() { writers <- benchSend(near[i], size, stride, limit) }()
	}
	err = waitAll(readers, streams)
	m := watch.stop(total.Load()/unit, rate)
	return m, errors.Join(err, waitAll(writers, streams))
}

func waitAll(results <-chan error, count int) error {
	var all error
	for range count {
		all = errors.Join(all, <-results)
	}
	return all
}

func benchBulk(pair *benchPair, limit budget, streams int) (*measurement, error) {
	return transferBench(pair, limit, streams, benchBulkWrite, 1, "bytes_per_second", 1)
}

func benchMessages(pair *benchPair, limit budget, size int) (*measurement, error) {
	return transferBench(pair, limit, 1, size, 256, "per_second", uint64(size))
}

// benchBesideBulk plays ping-pong on one stream while another sends as much as it can.
func benchBesideBulk(pair *benchPair, limit budget) (*measurement, error) {
	near, far, err := benchStreamPairs(pair, 2)
	if err != nil {
		return nil, err
	}
	var total atomic.Uint64
	var done atomic.Bool
	results := make(chan error, 3)
	go func() { results <- benchEcho(far[0]) }()
	go func() { results <- benchDrain(far[1], &total) }()
	go func() { results <- benchSaturate(near[1], &done) }()
	time.Sleep(50 * time.Millisecond)

	before := total.Load()
	watch := startStopwatch()
	latencies, err := benchPing(near[0], limit)
	m := watch.stop(uint64(len(latencies)), "per_second")
	m.figures["bytes_per_second"] = float64(total.Load()-before) / m.figures["seconds"]
	m.addLatency(latencies)
	done.Store(true)
	return m, errors.Join(err, near[0].finish(), waitAll(results, 3))
}

func benchSaturate(s stream, done *atomic.Bool) error {
	data := make([]byte, benchBulkWrite)
	for !done.Load() {
		if _, err := s.Write(data); err != nil {
			return err
		}
	}
	return s.finish()
}
