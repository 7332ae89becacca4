package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// measurement is what one run found: operations done, and figures by the names that the Rust
// program uses.
type measurement struct {
	operations uint64
	figures    map[string]float64
}

// stopwatch measures time and CPU.
type stopwatch struct {
	began        time.Time
	user, system time.Duration
}

func startStopwatch() stopwatch {
	user, system, _ := cpuTime()
	return stopwatch{time.Now(), user, system}
}

func (s stopwatch) stop(operations uint64, rate string) *measurement {
	seconds := time.Since(s.began).Seconds()
	m := &measurement{operations, map[string]float64{
		"seconds": seconds,
		rate:      float64(operations) / seconds,
	}}
	if user, system, told := cpuTime(); told {
		user, system = user-s.user, system-s.system
		each := float64(max(operations, 1))
		m.figures["cpu_user_ns_per_operation"] = float64(user) / each
		m.figures["cpu_ns_per_operation"] = float64(user+system) / each
	}
	return m
}

// addLatency adds the percentiles of latencies, which it sorts.
func (m *measurement) addLatency(latencies []time.Duration) {
	if len(latencies) == 0 {
		return
	}
	slices.Sort(latencies)
	at := func(quantile float64) float64 {
		index := int(quantile * float64(len(latencies)-1))
		return float64(latencies[index]) / float64(time.Microsecond)
	}
	m.figures["p50_us"], m.figures["p99_us"], m.figures["p999_us"] = at(.5), at(.99), at(.999)
}

// residentBytes is the resident memory of this process, where the system tells: on Linux.
func residentBytes() (bytes float64, told bool) {
	rollup, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		return 0, false
	}
	for _, line := range strings.Split(string(rollup), "\n") {
		var kibibytes float64
		if n, _ := fmt.Sscanf(line, "Rss: %f kB", &kibibytes); n == 1 {
			return kibibytes * 1024, true
		}
	}
	return 0, false
}

// pace uses up a budget; stride operations are done between two looks at the clock.
type pace struct {
	deadline     time.Time
	left, stride uint64
}

func (b budget) start(stride uint64) *pace {
	if b.operations > 0 {
		return &pace{left: b.operations}
	}
	return &pace{deadline: time.Now().Add(b.time), left: stride, stride: stride}
}

// share is what one of a number of equal tasks gets.
func (b budget) share(tasks int) budget {
	b.operations = (b.operations + uint64(tasks) - 1) / uint64(tasks)
	return b
}

func (p *pace) more() bool {
	if p.left == 0 {
		if p.stride == 0 || !time.Now().Before(p.deadline) {
			return false
		}
		p.left = p.stride
	}
	p.left--
	return true
}
