package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// runBench runs one of the workloads of the benchmarks with one of the Go libraries at both ends
// of a loopback connection, and prints a report as JSON:
//
//	bench WORKLOAD CONTENDER [--runtime mt|ct] [--congestion NAME] [--seconds S | --operations N]
//
// The workloads and their figures are those of the Rust program, under the same names.
func runBench(args []string) int {
	if err := runBenchOrSend(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func runBenchOrSend(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: bench WORKLOAD CONTENDER [flags]")
	}
	if args[0] == "send" {
		return benchSendOnly(args[1:])
	}
	report, err := bench(args)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}

// benchReport is what the Rust program reads.
type benchReport struct {
	Workload   string             `json:"workload"`
	Contender  string             `json:"contender"`
	Runtime    string             `json:"runtime"`
	Congestion string             `json:"congestion"`
	Operations uint64             `json:"operations"`
	Figures    map[string]float64 `json:"figures"`
	Versions   map[string]string  `json:"versions"`
}

// budget says how long a workload runs: for a time or, if operations is not zero, for a number
// of operations.
type budget struct {
	time       time.Duration
	operations uint64
}

func bench(args []string) (*benchReport, error) {
	report := &benchReport{Workload: args[0], Contender: args[1], Versions: benchVersions()}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&report.Runtime, "runtime", "mt", "mt: two processors; ct: one")
	congestion := flags.String("congestion", "default", "congestion control of the sockets")
	seconds := flags.Float64("seconds", 1, "how long to run")
	operations := flags.Uint64("operations", 0, "how many operations to do instead")
	if err := flags.Parse(args[2:]); err != nil {
		return nil, err
	}
	processors := map[string]int{"mt": 2, "ct": 1}[report.Runtime]
	if processors == 0 {
		return nil, fmt.Errorf("no runtime %q: want mt or ct", report.Runtime)
	}
	runtime.GOMAXPROCS(processors)

	pair, err := connectBench(report.Contender, *congestion)
	if err != nil {
		return nil, err
	}
	report.Congestion = pair.congestion
	limit := budget{time.Duration(*seconds * float64(time.Second)), *operations}
	m, err := runBenchWorkload(report.Workload, pair, limit)
	if err != nil {
		return nil, err
	}
	report.Operations, report.Figures = m.operations, m.figures
	return report, nil
}

// runBenchWorkload finds a workload by its name, whose last part is its size.
func runBenchWorkload(name string, pair *benchPair, limit budget) (*measurement, error) {
	if name == "beside-bulk" {
		return benchBesideBulk(pair, limit)
	}
	dash := strings.LastIndexByte(name, '-')
	if dash < 0 {
		return nil, fmt.Errorf("no workload %q", name)
	}
	units := strings.NewReplacer("k", "000", "m", "000000")
	size, err := strconv.Atoi(units.Replace(name[dash+1:]))
	if err != nil {
		return nil, fmt.Errorf("no workload %q: %w", name, err)
	}
	switch name[:dash] {
	case "bulk":
		return benchBulk(pair, limit, size)
	case "message":
		return benchMessages(pair, limit, size)
	case "ping-pong":
		return benchPingPong(pair, limit, size)
	case "churn":
		return benchChurn(pair, limit, size)
	case "open":
		return benchOpen(pair, size)
	default:
		return nil, fmt.Errorf("no workload %q", name)
	}
}

// benchVersions names Go and the libraries as they were built in.
func benchVersions() map[string]string {
	versions := map[string]string{"go": runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if strings.Contains(module.Path, "yamux") {
				versions[module.Path] = module.Version
			}
		}
	}
	return versions
}
