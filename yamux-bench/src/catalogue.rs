//! Which workload runs over which link, under which name, with whom.

use anyhow::Context;

use crate::{
    contender::Name,
    link::{Memory, Namespaces, Path, SmolTcp, Tcp},
    measure::{Budget, Measurement, figure},
    runtime::Runtime,
    workload::{
        BesideBulk, Bulk, Churn, Codec, FromGo, IdleConnection, LongPath, Messages, OpenMany,
        PingPong, chunks,
    },
};

/// A workload with its parameters and its link.
#[derive(Clone, Copy, Debug)]
enum Work {
    Bulk(Bulk),
    Messages(Messages),
    PingPong(PingPong),
    Churn(Churn),
    BesideBulk(BesideBulk),
    Uplink(BesideBulk),
    UplinkTcp(BesideBulk),
    Memory(Bulk),
    Open(OpenMany),
    Idle(IdleConnection),
    Path(LongPath),
    PathTcp(LongPath),
    Codec(Codec),
    FromGo(FromGo),
}

/// Which contenders take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Everyone,
    /// Those that run in this process.
    Rust,
    /// Those with a session: a raw connection needs two files, of which there are too few.
    Multiplexers,
    /// Those that neither slow down with the square of the streams nor use up the memory.
    Scaling,
    Ours,
}

/// A named entry of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The name used in tables, records and arguments.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// The figure that contenders are compared by.
    pub figure: &'static str,
    /// Whether the short run includes it.
    pub quick: bool,
    work: Work,
    who: Who,
    /// Whether the streams without copies take part as well.
    chunks: bool,
    runtimes: &'static [Runtime],
}

const EVERY: &[Runtime] = &Runtime::ALL;
const BOTH: &[Runtime] = &[Runtime::MultiThread, Runtime::CurrentThread];
const MT: &[Runtime] = &[Runtime::MultiThread];
const CT: &[Runtime] = &[Runtime::CurrentThread];

/// Every case, in the order of the tables.
#[rustfmt::skip]
pub const CASES: &[Case] = &[
    bulk("bulk-1", "64 KiB writes on 1 stream", 1, true),
    bulk("bulk-16", "64 KiB writes on 16 streams", 16, true),
    bulk("bulk-256", "64 KiB writes on 256 streams", 256, false),
    messages("message-32", "32 B messages on 1 stream", 32, true),
    messages("message-128", "128 B messages on 1 stream", 128, false),
    messages("message-512", "512 B messages on 1 stream", 512, false),
    messages("message-4096", "4 KiB messages on 1 stream", 4_096, true),
    ping_pong("ping-pong-1", "64 B there and back on 1 stream", 1, true),
    ping_pong("ping-pong-100", "64 B there and back on 100 streams", 100, true),
    ping_pong("ping-pong-1000", "64 B there and back on 1,000 streams", 1_000, false),
    churn("churn-1", "open, request, response, close; one at a time", 1),
    churn("churn-64", "open, request, response, close; 64 at once", 64),
    Case {
        name: "beside-bulk", about: "64 B there and back beside a saturating stream",
        figure: figure::P50, quick: true,
        work: Work::BesideBulk(BesideBulk::ON_LOOPBACK), who: Who::Everyone, chunks: false, runtimes: EVERY,
    },
    Case {
        name: "uplink", about: "64 B there and back beside a stream that saturates 10 Mbit/s",
        figure: figure::P50, quick: false,
        work: Work::Uplink(BesideBulk::ON_AN_UPLINK), who: Who::Rust, chunks: false, runtimes: MT,
    },
    Case {
        name: "uplink-tcp", about: "the same under the kernel's TCP",
        figure: figure::P50, quick: false,
        work: Work::UplinkTcp(BesideBulk::ON_AN_UPLINK), who: Who::Rust, chunks: false, runtimes: MT,
    },
    Case {
        name: "memory-bulk", about: "64 KiB writes on 1 stream, in memory",
        figure: figure::BYTES_PER_SECOND, quick: true,
        work: Work::Memory(Bulk { streams: 1 }), who: Who::Rust, chunks: true, runtimes: BOTH,
    },
    open("open-1k", "opening 1,000 streams", 1_000, Who::Everyone, true),
    open("open-10k", "opening 10,000 streams", 10_000, Who::Multiplexers, false),
    open("open-100k", "opening 100,000 streams", 100_000, Who::Multiplexers, false),
    open("open-1m", "opening 1,000,000 streams", 1_000_000, Who::Scaling, false),
    Case {
        name: "idle-connection", about: "memory of a used, idle connection",
        figure: figure::RESIDENT, quick: false,
        work: Work::Idle(IdleConnection { connections: 1_000 }), who: Who::Rust, chunks: false, runtimes: CT,
    },
    codec("codec-encode", "writing frame headers", Codec::Encode),
    codec("codec-decode", "reading frame headers", Codec::Decode),
    path("path-1", "1 stream over 50 ms and 1 Gbit/s", 1),
    path("path-16", "16 streams over 50 ms and 1 Gbit/s", 16),
    path_tcp("path-tcp-1", "the same path under the kernel's TCP, 1 stream", 1),
    path_tcp("path-tcp-16", "the same path under the kernel's TCP, 16 streams", 16),
    from_go("path-from-go-1", "the same path, 1 stream from Go to ours", 1),
    from_go("path-from-go-16", "the same path, 16 streams from Go to ours", 16),
];

const fn bulk(name: &'static str, about: &'static str, streams: usize, quick: bool) -> Case {
    let work = Work::Bulk(Bulk { streams });
    let figure = figure::BYTES_PER_SECOND;
    Case { name, about, figure, quick, work, who: Who::Everyone, chunks: true, runtimes: EVERY }
}

const fn messages(name: &'static str, about: &'static str, size: usize, quick: bool) -> Case {
    let work = Work::Messages(Messages { size });
    let figure = figure::PER_SECOND;
    Case { name, about, figure, quick, work, who: Who::Everyone, chunks: false, runtimes: EVERY }
}

const fn ping_pong(name: &'static str, about: &'static str, streams: usize, quick: bool) -> Case {
    let work = Work::PingPong(PingPong { streams });
    let figure = figure::PER_SECOND;
    Case { name, about, figure, quick, work, who: Who::Everyone, chunks: false, runtimes: EVERY }
}

const fn churn(name: &'static str, about: &'static str, tasks: usize) -> Case {
    let work = Work::Churn(Churn { tasks });
    let figure = figure::PER_SECOND;
    Case {
        name,
        about,
        figure,
        quick: true,
        work,
        who: Who::Everyone,
        chunks: false,
        runtimes: EVERY,
    }
}

const fn open(
    name: &'static str,
    about: &'static str,
    streams: usize,
    who: Who,
    quick: bool,
) -> Case {
    let work = Work::Open(OpenMany { streams });
    Case { name, about, figure: figure::SECONDS, quick, work, who, chunks: false, runtimes: MT }
}

const fn path(name: &'static str, about: &'static str, streams: usize) -> Case {
    over_path(name, about, Work::Path(LongPath { streams }))
}

const fn path_tcp(name: &'static str, about: &'static str, streams: usize) -> Case {
    over_path(name, about, Work::PathTcp(LongPath { streams }))
}

const fn over_path(name: &'static str, about: &'static str, work: Work) -> Case {
    let figure = figure::BYTES_PER_SECOND;
    Case { name, about, figure, quick: false, work, who: Who::Rust, chunks: false, runtimes: MT }
}

const fn from_go(name: &'static str, about: &'static str, streams: usize) -> Case {
    let work = Work::FromGo(FromGo { streams });
    let figure = figure::BYTES_PER_SECOND;
    Case { name, about, figure, quick: false, work, who: Who::Ours, chunks: false, runtimes: MT }
}

const fn codec(name: &'static str, about: &'static str, codec: Codec) -> Case {
    let work = Work::Codec(codec);
    let figure = figure::NANOSECONDS;
    Case { name, about, figure, quick: true, work, who: Who::Ours, chunks: false, runtimes: CT }
}

impl Case {
    /// The case of that name.
    ///
    /// # Errors
    /// That there is none.
    pub fn find(name: &str) -> anyhow::Result<&'static Self> {
        CASES
            .iter()
            .find(|case| case.name == name)
            .with_context(|| format!("no workload is called {name}; `list` names them"))
    }

    /// Whether `contender` takes part on `runtime`.
    pub fn admits_on(&self, runtime: Runtime, contender: Name) -> bool {
        let at_home = runtime.is_tokio() || matches!(contender, Name::Raw | Name::Ours);
        at_home && self.runtimes.contains(&runtime) && self.admits(contender)
    }

    /// Whether `contender` takes part.
    pub fn admits(&self, contender: Name) -> bool {
        if contender == Name::OursChunks {
            return self.chunks;
        }
        match self.who {
            Who::Everyone => true,
            Who::Rust => contender.is_rust(),
            Who::Multiplexers => contender != Name::Raw,
            Who::Scaling => matches!(contender, Name::Ours | Name::TokioYamux | Name::H2),
            Who::Ours => contender == Name::Ours,
        }
    }

    /// The runtimes under which it tells something.
    pub fn runtimes(&self) -> &'static [Runtime] {
        self.runtimes
    }

    /// Whether it can be run for a number of operations, which criterion and the counts need.
    pub fn counts_operations(&self) -> bool {
        match self.work {
            Work::Bulk(_)
            | Work::Messages(_)
            | Work::PingPong(_)
            | Work::Churn(_)
            | Work::BesideBulk(_)
            | Work::Memory(_) => true,
            Work::Open(_)
            | Work::Idle(_)
            | Work::Uplink(_)
            | Work::UplinkTcp(_)
            | Work::Path(_)
            | Work::PathTcp(_)
            | Work::Codec(_)
            | Work::FromGo(_) => false,
        }
    }

    /// Whether it needs the right to make network namespaces.
    pub fn needs_namespaces(&self) -> bool {
        matches!(self.work, Work::PathTcp(_) | Work::UplinkTcp(_))
    }

    /// Whether an operation of the budget is a bulk write.
    pub fn is_bulk(&self) -> bool {
        matches!(self.work, Work::Bulk(_) | Work::Memory(_))
    }

    /// Runs it here and now, on the runtime that the caller runs on.
    ///
    /// # Errors
    /// Those of the workload: a stream that failed, a contender that does not take part.
    pub async fn run(
        &self,
        contender: Name,
        link: &Tcp,
        budget: Budget,
    ) -> anyhow::Result<Measurement> {
        anyhow::ensure!(self.admits(contender), "{} takes no part here", contender.name());
        if Runtime::is_smol_here() {
            return self.run_on_smol(contender, &SmolTcp(link.clone()), budget).await;
        }
        if contender == Name::OursChunks {
            return self.run_chunks(link, budget).await;
        }
        match self.work {
            Work::Codec(work) => work.run(budget),
            Work::FromGo(work) => work.run(budget).await,
            Work::Bulk(work) => contender.run(&work, link, budget).await,
            Work::Messages(work) => contender.run(&work, link, budget).await,
            Work::PingPong(work) => contender.run(&work, link, budget).await,
            Work::Churn(work) => contender.run(&work, link, budget).await,
            Work::BesideBulk(work) => contender.run(&work, link, budget).await,
            Work::Uplink(work) => contender.run(&work, &Path::UPLINK, budget).await,
            Work::Memory(work) => contender.run(&work, &Memory, budget).await,
            Work::Open(work) => contender.run(&work, link, budget).await,
            Work::Idle(work) => contender.run(&work, link, budget).await,
            Work::Path(work) => contender.run(&work, &Path::GIGABIT_50_MS, budget).await,
            Work::PathTcp(work) => {
                contender.run(&work, &Namespaces::long_path(link.clone()), budget).await
            }
            Work::UplinkTcp(work) => {
                contender.run(&work, &Namespaces::uplink(link.clone()), budget).await
            }
        }
    }
}

impl Case {
    /// The same on smol.
    async fn run_on_smol(
        &self,
        contender: Name,
        link: &SmolTcp,
        budget: Budget,
    ) -> anyhow::Result<Measurement> {
        match self.work {
            Work::Bulk(work) => contender.run_on_smol(&work, link, budget).await,
            Work::Messages(work) => contender.run_on_smol(&work, link, budget).await,
            Work::PingPong(work) => contender.run_on_smol(&work, link, budget).await,
            Work::Churn(work) => contender.run_on_smol(&work, link, budget).await,
            Work::BesideBulk(work) => contender.run_on_smol(&work, link, budget).await,
            Work::Memory(_)
            | Work::Open(_)
            | Work::Idle(_)
            | Work::Uplink(_)
            | Work::UplinkTcp(_)
            | Work::Path(_)
            | Work::PathTcp(_)
            | Work::Codec(_)
            | Work::FromGo(_) => anyhow::bail!("{} does not run on smol here", self.name),
        }
    }

    /// The same by chunks instead of reads and writes.
    async fn run_chunks(&self, link: &Tcp, budget: Budget) -> anyhow::Result<Measurement> {
        match self.work {
            Work::Bulk(work) => chunks(work.streams, link, budget).await,
            Work::Memory(work) => chunks(work.streams, &Memory, budget).await,
            Work::Messages(_)
            | Work::PingPong(_)
            | Work::Churn(_)
            | Work::BesideBulk(_)
            | Work::Open(_)
            | Work::Idle(_)
            | Work::Uplink(_)
            | Work::UplinkTcp(_)
            | Work::Path(_)
            | Work::PathTcp(_)
            | Work::Codec(_)
            | Work::FromGo(_) => anyhow::bail!("{} is not done by chunks", self.name),
        }
    }
}

/// Whether more of a figure is better; of the others less is.
pub fn more_is_better(name: &str) -> bool {
    [figure::BYTES_PER_SECOND, figure::PER_SECOND, figure::FIRST_SECOND].contains(&name)
}
