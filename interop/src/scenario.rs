//! The scenarios: conversations with a name, a link and settings.

use std::time::Duration;

use crate::{
    conversation::{BACKLOG_ACCEPTED, Conversation, Role},
    link::{Link, Side},
    session::{Abilities, Keepalive, Settings},
};

/// A named conversation over a link, with settings. The Go peer knows it by the same name.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The name in the matrix.
    pub name: &'static str,
    /// What is said.
    pub conversation: Conversation,
    /// Over which kind of transport.
    pub link: Link,
    /// Settings of our session.
    pub ours: Settings,
    /// Settings of a peer in Rust; the Go peer has its own for each scenario.
    pub theirs: Settings,
    /// Who opens the conversation.
    opener: Opener,
    /// Whether it makes sense with such a peer, when we have this side.
    needs: fn(&Abilities, Side) -> bool,
}

#[derive(Clone, Copy, Debug)]
enum Opener {
    Client,
    Ours,
}

impl Scenario {
    /// The part that our session plays when it has `side`.
    pub fn our_role(&self, side: Side) -> Role {
        match (self.opener, side) {
            (Opener::Ours, _) | (Opener::Client, Side::Client) => Role::Active,
            (Opener::Client, Side::Server) => Role::Passive,
        }
    }

    /// Whether it makes sense with a peer of such abilities, when we have `side`.
    pub fn suits(&self, peer: &Abilities, side: Side) -> bool {
        (self.needs)(peer, side)
    }

    /// A scenario of the Go peer alone: our side plays by hand.
    pub fn by_hand(name: &'static str) -> Self {
        Self::new(name, Conversation::Echo { bytes: 0 })
    }

    fn new(name: &'static str, conversation: Conversation) -> Self {
        Self {
            name,
            conversation,
            link: Link::Tcp,
            ours: Settings::default(),
            theirs: Settings::default(),
            opener: Opener::Client,
            needs: |_, _| true,
        }
    }

    fn over(self, link: Link) -> Self {
        Self { link, ..self }
    }

    fn ours(self, ours: Settings) -> Self {
        Self { ours, ..self }
    }

    fn theirs(self, theirs: Settings) -> Self {
        Self { theirs, ..self }
    }

    fn opened_by_us(self) -> Self {
        Self { opener: Opener::Ours, ..self }
    }

    fn needs(self, needs: fn(&Abilities, Side) -> bool) -> Self {
        Self { needs, ..self }
    }
}

const MIB: usize = 1024 * 1024;
const LARGE_FRAME: usize = 3 * MIB;

/// Every scenario, in the order of the matrix.
pub fn all() -> Vec<Scenario> {
    let mut scenarios = streams();
    scenarios.extend(endings());
    scenarios.extend(windows());
    scenarios.extend(links());
    scenarios
}

fn streams() -> Vec<Scenario> {
    let backlog = Settings { accept_backlog: Some(BACKLOG_ACCEPTED), ..Settings::default() };
    vec![
        Scenario::new("echo", Conversation::Echo { bytes: MIB }).needs(large_echoes),
        Scenario::new("bulk", exchange(100, 64 * 1024)).needs(large_echoes),
        Scenario::new("thousand-streams", Conversation::Concurrent { streams: 1000 }),
        Scenario::new("short-streams", Conversation::ShortStreams { streams: 10_000 }),
        Scenario::new("simultaneous-open", Conversation::SimultaneousOpen { streams: 100 }),
        Scenario::new("stalled-reader", Conversation::StalledReader).needs(|peer, our_side| {
            peer.large_echoes && (our_side == Side::Client || peer.opens_at_once)
        }),
        Scenario::new("half-close-request-first", Conversation::RequestFirst),
        // Whoever waits for the response has to tell the other side that there is a stream.
        Scenario::new("half-close-response-first", Conversation::ResponseFirst)
            .needs(|peer, our_side| our_side == Side::Client || peer.opens_at_once),
        Scenario::new("fin-before-accept", Conversation::FinBeforeAccept),
        Scenario::new("accept-backlog", Conversation::AcceptBacklog)
            .ours(backlog)
            .theirs(backlog)
            .needs(|peer, _| peer.backlog_setting),
        Scenario::new("reset", Conversation::Reset),
    ]
}

fn endings() -> Vec<Scenario> {
    let keepalive = |keepalive| Settings { keepalive, ..Settings::default() };
    vec![
        Scenario::new("ping", Conversation::Ping).needs(large_echoes),
        Scenario::new("keepalive-by-us", Conversation::Keepalive { by_us: true })
            .ours(keepalive(Keepalive::Short))
            .theirs(keepalive(Keepalive::Off)),
        Scenario::new("keepalive-by-peer", Conversation::Keepalive { by_us: false })
            .ours(keepalive(Keepalive::Off))
            .theirs(keepalive(Keepalive::Short))
            .needs(|peer, _| peer.keepalive_setting),
        // The server is the one that sends Go Away.
        Scenario::new("go-away", Conversation::GoAway).needs(|peer, our_side| match our_side {
            Side::Client => peer.sends_go_away,
            Side::Server => peer.survives_go_away,
        }),
        Scenario::new("close-under-load", Conversation::CloseUnderLoad).opened_by_us(),
        Scenario::new("close-after-fin", Conversation::CloseAfterFin).opened_by_us(),
        Scenario::new("close-unfinished", Conversation::CloseUnfinished)
            .opened_by_us()
            .needs(|peer, _| peer.sees_resets),
        Scenario::new("abrupt-close", Conversation::AbruptClose)
            .opened_by_us()
            .needs(|peer, _| peer.closes_abruptly),
    ]
}

fn windows() -> Vec<Scenario> {
    let window = |mib: u32| Settings { receive_window: Some(mib << 20), ..Settings::default() };
    let large = Conversation::Exchange { bytes: 12 * MIB, chunk: LARGE_FRAME, large_frames: true };
    vec![
        Scenario::new("large-frames", large)
            // Larger than all that is sent: a frame never waits for what the reader has yet to
            // read, so every write after the acknowledgement goes out whole.
            .ours(window(16))
            .theirs(window(16))
            .needs(|peer, _| peer.whole_window_frames),
        Scenario::new("window-1-mib", exchange(16, MIB))
            .theirs(window(1))
            .needs(|peer, _| peer.window_setting && peer.large_echoes),
        Scenario::new("window-16-mib", exchange(48, MIB))
            .theirs(window(16))
            .needs(|peer, _| peer.window_setting && peer.large_echoes),
        Scenario::new("auto-tune", Conversation::AutoTune { bytes: 24 * MIB })
            .opened_by_us()
            .over(Link::Slow(Duration::from_millis(10)))
            .needs(large_echoes),
    ]
}

fn links() -> Vec<Scenario> {
    let exchange = exchange(8, 64 * 1024);
    let mut links = vec![Scenario::new("tls", exchange).over(Link::Tls).needs(large_echoes)];
    if cfg!(unix) {
        links.push(Scenario::new("unix", exchange).over(Link::Unix).needs(large_echoes));
    }
    links
}

fn exchange(mib: usize, chunk: usize) -> Conversation {
    Conversation::Exchange { bytes: mib * MIB, chunk, large_frames: false }
}

fn large_echoes(peer: &Abilities, _: Side) -> bool {
    peer.large_echoes
}
