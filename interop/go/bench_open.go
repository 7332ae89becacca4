package main

import (
	"errors"
	"runtime/debug"
	"time"
)

// benchOpen opens streams one after the other as fast as the peer accepts them, keeps them all,
// and says what that took and what an idle one costs.
func benchOpen(pair *benchPair, count int) (*measurement, error) {
	before, told := residentBytes()
	near, far := make([]stream, 0, count), make([]stream, 0, count)
	accepted := make(chan error, 1)
	watch := startStopwatch()
	go func() {
		for range count {
			s, err := pair.server.accept()
			if err != nil {
				accepted <- err
				return
			}
			far = append(far, s)
		}
		accepted <- nil
	}()
	for range count {
		s, err := pair.client.open()
		if err != nil {
			return nil, err
		}
		near = append(near, s)
	}
	if err := <-accepted; err != nil {
		return nil, err
	}
	m := watch.stop(uint64(count), "per_second")

	time.Sleep(500 * time.Millisecond)
	// What the collector has not returned yet is not what a stream costs.
	debug.FreeOSMemory()
	if after, _ := residentBytes(); told {
		m.figures["resident_bytes_each"] = (after - before) / float64(count)
	}
	var err error
	for i := 0; i < count; i += max(count/100, 1) {
		echoed := make(chan error, 1)
		go func() { echoed <- exchangeByte(far[i], false) }()
		err = errors.Join(err, exchangeByte(near[i], true), <-echoed)
	}
	return m, err
}
