//! Namespaces and TUN devices, and the wire between them.
//!
//! A namespace is a network stack of its own, with one interface, a TUN device, whose packets this
//! process reads and writes. So everything between the sockets is real, from slow start to what a
//! full queue in front of the wire drops, but for the wire.

use std::{
    fs::{self, File},
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use nix::sched::{CloneFlags, setns, unshare};
use tokio::net::{TcpListener, TcpStream};
use tun_rs::{DeviceBuilder, SyncDevice};

use super::Namespaces;
use crate::link::{Dial, Link, Path, Tcp};

/// The addresses of the dialling and the accepting end.
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 99, 0, 1), Ipv4Addr::new(10, 99, 0, 2)];

/// Bytes in a packet that every link carries.
const MTU_LEAST: u16 = 1_500;

/// What the router in front of the wire holds before it drops, as time on the wire.
const QUEUE: Duration = Duration::from_millis(50);

/// Packets that the kernel holds for us in front of the queue: more than TCP sends in a burst.
const BURST: u32 = 10_000;

pub(super) fn check() -> anyhow::Result<()> {
    let made = Namespace::new(None).and_then(|it| it.device(ADDRESSES[0], MTU_LEAST));
    made.map(drop).context("network namespaces need root and /dev/net/tun")
}

impl Link for Namespaces {
    type Io = TcpStream;
    type Dialer = NamespaceDialer;
    type Listener = TcpListener;

    async fn bind(&self) -> io::Result<(NamespaceDialer, TcpListener)> {
        let [near, far] = [(); 2].map(|()| Namespace::new(self.socket_buffer));
        let (near, far) = (near?, far?);
        let devices = [near.device(ADDRESSES[0], self.mtu)?, far.device(ADDRESSES[1], self.mtu)?];
        let [there, back] = devices.map(Arc::new);
        carry(self.path, Arc::clone(&there), Arc::clone(&back));
        carry(self.path, back, there);

        let socket = far.inside(|| self.tcp.socket())?;
        socket.bind((ADDRESSES[1], 0).into())?;
        let listener = socket.listen(4_096)?;
        let port = listener.local_addr()?.port();
        Ok((NamespaceDialer { near: Arc::new(near), tcp: self.tcp.clone(), port }, listener))
    }
}

/// Connects from one namespace to the other.
#[derive(Clone, Debug)]
pub struct NamespaceDialer {
    near: Arc<Namespace>,
    tcp: Tcp,
    port: u16,
}

impl Dial for NamespaceDialer {
    type Io = TcpStream;

    async fn dial(&self) -> io::Result<TcpStream> {
        let socket = self.near.inside(|| self.tcp.socket())?;
        socket.connect((ADDRESSES[1], self.port).into()).await
    }
}

/// A network namespace; it lives as long as this, a socket or a device of it does.
#[derive(Debug)]
struct Namespace(File);

impl Namespace {
    fn new(socket_buffer: Option<[u32; 3]>) -> io::Result<Self> {
        // A thread's namespace is its own: this one leaves the process's and is done.
        on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            if let Some([least, first, most]) = socket_buffer {
                let sizes = format!("{least} {first} {most}");
                for which in ["rmem", "wmem"] {
                    fs::write(format!("/proc/sys/net/ipv4/tcp_{which}"), &sizes)?;
                }
            }
            File::open("/proc/thread-self/ns/net").map(Self)
        })
    }

    /// Does something on a thread that belongs to the namespace.
    fn inside<T: Send>(&self, act: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        on_a_thread(|| {
            setns(&self.0, CloneFlags::CLONE_NEWNET)?;
            act()
        })
    }

    /// Its only interface.
    fn device(&self, address: Ipv4Addr, mtu: u16) -> io::Result<SyncDevice> {
        let builder = DeviceBuilder::new().ipv4(address, 24, None).mtu(mtu).with(|device| {
            device.tx_queue_len(BURST);
        });
        self.inside(|| builder.build_sync())
    }
}

fn on_a_thread<T: Send>(act: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| scope.spawn(act).join())
        .unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
}

/// Carries packets from one device to another, on two threads, for as long as the process runs.
fn carry(path: Path, from: Arc<SyncDevice>, to: Arc<SyncDevice>) {
    let (sender, receiver) = channel();
    thread::spawn(move || take_in(path, &from, &sender));
    thread::spawn(move || hand_out(&receiver, &to));
}

type Packet = (Instant, Vec<u8>);

fn take_in(path: Path, from: &SyncDevice, under_way: &Sender<Packet>) {
    let mut wire = Wire { path, sent: Instant::now() };
    let mut packet = vec![0; usize::from(u16::MAX)];
    while let Ok(length) = from.recv(&mut packet) {
        let Some(arrival) = wire.send(Instant::now(), length) else {
            continue;
        };
        if under_way.send((arrival, packet[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn hand_out(under_way: &Receiver<Packet>, to: &SyncDevice) {
    for (arrival, packet) in under_way {
        thread::sleep(arrival.saturating_duration_since(Instant::now()));
        // What the receiver has no room for is lost, as on any path.
        let _ = to.send(&packet);
    }
}

/// One direction of the path: a queue, the wire behind it, and the way to the other end.
#[derive(Debug)]
struct Wire {
    path: Path,
    /// When all that was taken will have been sent.
    sent: Instant,
}

impl Wire {
    /// When a packet of so many bytes arrives, if the queue has room for it.
    fn send(&mut self, now: Instant, length: usize) -> Option<Instant> {
        let begin = self.sent.max(now);
        if begin - now > QUEUE {
            return None;
        }
        self.sent = begin + Duration::from_secs_f64(length as f64 / self.path.rate);
        Some(self.sent + self.path.delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_take_their_time_and_a_full_queue_drops() {
        let path = Path { rate: 1e6, delay: Duration::from_millis(25) };
        let now = Instant::now();
        let mut wire = Wire { path, sent: now };
        let at = |millis| Some(now + Duration::from_millis(millis));
        assert_eq!(wire.send(now, 9_000), at(9 + 25));
        assert_eq!(wire.send(now, 1_000), at(10 + 25), "behind the first");
        assert_eq!(wire.send(now, 41_000), at(51 + 25));
        assert_eq!(wire.send(now, 1), None, "51 ms are queued");
        let later = now + Duration::from_millis(100);
        assert_eq!(wire.send(later, 1_000), at(101 + 25), "the wire was idle");
    }
}
