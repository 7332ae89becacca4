//! The driver, polled by hand: no runtime, a clock that moves when it is told to, and nothing but
//! the driver's own wakes to go on.

#![cfg(feature = "driver")]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
#![allow(clippy::disallowed_types, reason = "polling by hand is the point")]

mod rig;

use std::io::{ErrorKind, IoSlice};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use rig::{Flag, Rig, ready};
use yamux_proto::driver::{Handle, Session, SessionError, StreamError};
use yamux_proto::limits::UNACKED_STREAMS;
use yamux_proto::{Config, Flags, Frame, GoAwayCode, Side};

const HOUR: Duration = Duration::from_secs(3600);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Nothing happens by itself but what a test is about.
fn quiet() -> yamux_proto::ConfigBuilder {
    Config::builder().keepalive_interval(None)
}

#[test]
fn reading_goes_on_while_the_transport_takes_nothing() {
    // More than the driver reads in a turn. Both sides may write more than the other has read, and
    // if both waited for that with reading, neither would move again.
    let mut rig = Rig::new(Side::Server, Config::default());
    rig.transport().takes_writes = false;
    rig.receive(Frame::Data { stream: rig.id(1), flags: Flags::SYN, length: 250_000 });
    rig.receive_bytes(&vec![0; 250_000]);
    rig.run();
    assert_eq!(rig.transport().input.len(), 0);
}

#[test]
fn a_stream_left_after_its_fin_went_out_costs_nothing_while_it_waits() {
    let mut rig = Rig::new(Side::Client, quiet().build().unwrap());
    let mut stream = rig.open();
    assert!(rig.poll(|cx| stream.poll_close(cx)).is_pending());
    rig.run();
    assert!(rig.poll(|cx| stream.poll_close(cx)).is_ready());
    drop(stream);
    assert!(rig.run() < 5, "the driver wakes itself for nothing");
    rig.pass(HOUR);
    assert_eq!(rig.session().stats().resets_sent, 1, "the stream is reset in the end");
    assert_eq!(rig.session().num_streams(), 0);
}

#[test]
fn a_writer_that_waits_for_the_rest_of_a_window_costs_nothing() {
    let mut rig = Rig::new(Side::Client, quiet().build().unwrap());
    let mut stream = rig.open();
    let mut left = 262_000;
    while left > 0 {
        let chunk = vec![0; left.min(60_000)];
        if let Poll::Ready(written) = rig.poll(|cx| stream.poll_write(cx, &chunk)) {
            left -= written.unwrap();
        }
        rig.run();
    }
    assert!(rig.poll(|cx| stream.poll_write(cx, &[0; 1000])).is_pending());
    assert!(rig.run() < 5, "the driver wakes itself for nothing");
    rig.pass(secs(1));
    assert!(
        rig.poll(|cx| stream.poll_write(cx, &[0; 1000])).is_ready(),
        "small is better than never"
    );
}

#[test]
fn an_ack_goes_out_with_the_answer_to_a_short_request() {
    let mut rig = Rig::new(Side::Server, quiet().build().unwrap());
    rig.receive(Frame::Data { stream: rig.id(1), flags: Flags::SYN | Flags::FIN, length: 7 });
    rig.receive_bytes(b"request");
    rig.run();
    rig.transport().output.clear();
    let mut stream = ready(rig.session().accept()).unwrap();
    assert!(rig.turn(), "to accept is news for the driver");
    assert!(rig.transport().output.is_empty(), "others go first");

    assert!(rig.poll(|cx| stream.poll_write(cx, b"answer")).is_ready());
    // There is nothing more to wait for.
    assert!(rig.turn());
    let ack = Frame::WindowUpdate { stream: stream.id(), flags: Flags::ACK, delta: 0 };
    let answer = Frame::Data { stream: stream.id(), flags: Flags::NONE, length: 6 };
    let expected = [&ack.encode()[..], &answer.encode(), b"answer"].concat();
    assert_eq!(rig.transport().output, expected);
}

#[test]
fn an_ack_does_not_wait_for_long() {
    let mut rig = Rig::new(Side::Server, quiet().build().unwrap());
    rig.receive(Frame::WindowUpdate { stream: rig.id(1), flags: Flags::SYN, delta: 0 });
    rig.run();
    rig.transport().output.clear();
    let _stream = ready(rig.session().accept()).unwrap();
    assert!(rig.run() < 5, "the driver yields for ever");
    assert!(!rig.transport().output.is_empty());
}

/// A message of the peer, which wakes the reader of its stream.
fn message(rig: &mut Rig, stream: &mut Handle) {
    assert!(rig.poll(|cx| stream.poll_read(cx, 64, |_| {})).is_pending());
    rig.receive(Frame::Data { stream: stream.id(), flags: Flags::NONE, length: 4 });
    rig.receive_bytes(b"ping");
}

/// The reader takes the message and answers.
fn answer(rig: &mut Rig, stream: &mut Handle) {
    assert!(matches!(rig.poll(|cx| stream.poll_read(cx, 64, |_| {})), Poll::Ready(Ok(4))));
    assert!(rig.poll(|cx| stream.poll_write(cx, b"pong")).is_ready());
}

#[test]
fn the_answers_of_several_readers_go_out_together() {
    let mut rig = Rig::new(Side::Client, quiet().build().unwrap());
    let mut streams = [rig.open(), rig.open(), rig.open()];
    rig.transport().output.clear();
    streams.iter_mut().for_each(|stream| message(&mut rig, stream));
    assert!(rig.turn());
    answer(&mut rig, &mut streams[0]);
    assert!(rig.turn());
    assert!(rig.transport().output.is_empty(), "the other readers go first");
    streams[1..].iter_mut().for_each(|stream| answer(&mut rig, stream));
    rig.run();
    assert_eq!(rig.transport().output.len(), 3 * (12 + 4));
}

#[test]
fn the_answer_of_a_lone_reader_goes_out_at_once() {
    let mut rig = Rig::new(Side::Server, quiet().build().unwrap());
    let mut stream = rig.accept();
    for round in 0..8 {
        rig.transport().output.clear();
        message(&mut rig, &mut stream);
        rig.run();
        answer(&mut rig, &mut stream);
        assert!(rig.turn());
        let sent = !rig.transport().output.is_empty();
        assert!(sent, "nobody else is about to write in round {round}");
        rig.run();
    }
}

#[test]
fn a_writer_that_always_finds_room_gives_way() {
    let mut rig = Rig::new(Side::Client, quiet().build().unwrap());
    let mut stream = rig.open();
    let task = Flag::default();
    let written = (0..50_000).filter(|_| task.poll(|cx| stream.poll_write(cx, b"x")).is_ready());
    assert!((49_900..50_000).contains(&written.count()));
    assert!(task.is_set(), "to give way is not to wait");
}

#[test]
fn who_waits_for_the_end_of_a_stream_hears_of_a_reset() {
    let mut rig = Rig::new(Side::Server, quiet().build().unwrap());
    let mut stream = rig.accept();
    rig.receive(Frame::WindowUpdate { stream: stream.id(), flags: Flags::FIN, delta: 0 });
    rig.run();
    let task = Flag::default();
    assert!(task.poll(|cx| stream.poll_closed(cx)).is_pending());
    assert!(rig.poll(|cx| stream.poll_write(cx, b"in between")).is_ready());
    assert!(!task.is_set());
    rig.receive(Frame::WindowUpdate { stream: stream.id(), flags: Flags::RST, delta: 7 });
    rig.run();
    assert!(task.is_set());
    let closed = rig.poll(|cx| stream.poll_closed(cx));
    assert!(matches!(closed, Poll::Ready(StreamError::Reset(7))), "{closed:?}");
}

#[test]
fn who_waits_for_the_end_of_a_stream_hears_of_the_sessions() {
    let mut rig = Rig::new(Side::Server, quiet().build().unwrap());
    let mut stream = rig.accept();
    let task = Flag::default();
    assert!(task.poll(|cx| stream.poll_closed(cx)).is_pending());
    rig.session().abort();
    assert!(task.is_set());
    let closed = rig.poll(|cx| stream.poll_closed(cx));
    assert!(
        matches!(closed, Poll::Ready(StreamError::Session(SessionError::Closed))),
        "{closed:?}"
    );
}

#[test]
fn an_empty_chunk_on_a_finished_stream_is_an_error_too() {
    let mut rig = Rig::new(Side::Client, quiet().build().unwrap());
    let mut stream = rig.open();
    assert!(matches!(
        rig.poll(|cx| stream.poll_write_chunk(cx, &mut Bytes::new())),
        Poll::Ready(Ok(()))
    ));
    assert!(rig.poll(|cx| stream.poll_close(cx)).is_pending());
    assert!(matches!(
        rig.poll(|cx| stream.poll_write_chunk(cx, &mut Bytes::new())),
        Poll::Ready(Err(StreamError::Finished))
    ));
}

#[test]
fn nothing_at_all_on_a_finished_stream_is_an_error_too() {
    let mut rig = Rig::new(Side::Client, quiet().build().unwrap());
    let mut stream = rig.open();
    let nothing = [IoSlice::new(&[]), IoSlice::new(&[])];
    for slices in [&nothing[..], &[]] {
        let written = rig.poll(|cx| stream.poll_write_vectored(cx, slices));
        assert!(matches!(written, Poll::Ready(Ok(0))), "{written:?}");
    }
    assert!(rig.poll(|cx| stream.poll_close(cx)).is_pending());
    for slices in [&nothing[..], &[]] {
        let written = rig.poll(|cx| stream.poll_write_vectored(cx, slices));
        assert!(matches!(written, Poll::Ready(Err(StreamError::Finished))), "{written:?}");
    }
}

/// What a session with a transport of this kind sends, and by how many writes.
fn requests(vectored: bool) -> (Vec<u8>, usize) {
    let mut rig = Rig::new(Side::Client, quiet().build().unwrap());
    rig.transport().vectored = vectored;
    rig.transport().writes.clear();
    let mut stream = ready(rig.session().open()).unwrap();
    assert!(rig.poll(|cx| stream.poll_write(cx, &[1; 100])).is_ready());
    rig.run();
    for len in [10, 5_000, 20_000, 0, 40_000, 300] {
        let mut chunk = Bytes::from(vec![len as u8; len]);
        assert!(rig.poll(|cx| stream.poll_write_chunk(cx, &mut chunk)).is_ready());
    }
    rig.run();
    let pipe = rig.transport();
    (pipe.output.clone(), pipe.writes.len())
}

#[test]
fn headers_are_no_writes_of_their_own_though_the_transport_takes_one_buffer_at_a_time() {
    let (expected, _) = requests(true);
    let (output, writes) = requests(false);
    assert!(output == expected, "the same bytes");
    // One for the request; of the chunks 16 KiB, 16 KiB more, the rest of the large one, and the last.
    assert_eq!(writes, 1 + 4);
}

#[test]
fn a_small_message_does_not_wait_in_one_write_with_the_bulk_that_it_overtakes() {
    let mut rig = Rig::new(Side::Client, quiet().build().unwrap());
    let (mut bulk, mut small) = (rig.open(), rig.open());
    rig.transport().vectored = false;
    rig.transport().writes.clear();
    assert!(rig.poll(|cx| bulk.poll_write(cx, &[1; 40_000])).is_ready());
    assert!(rig.poll(|cx| small.poll_write(cx, &[2; 64])).is_ready());
    rig.run();
    assert_eq!(rig.transport().writes, [12 + 64, 12 + 40_000]);
}

#[test]
fn a_transport_that_claims_to_have_written_more_than_it_was_given_is_not_believed() {
    let mut rig = Rig::new(Side::Client, quiet().build().unwrap());
    let mut stream = rig.open();
    rig.transport().boasts = true;
    assert!(rig.poll(|cx| stream.poll_write(cx, b"hello")).is_ready());
    rig.run();
    rig.pass(secs(2));
    let flushed = rig.poll(|cx| stream.poll_flush(cx));
    let Poll::Ready(Err(StreamError::Session(SessionError::Transport(error)))) = &flushed else {
        panic!("{flushed:?}");
    };
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

/// Panics when it is woken.
struct Bomb;

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        panic!("a waker's own fault");
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_else_asleep() {
    let mut rig = Rig::new(Side::Server, quiet().build().unwrap());
    let (mut first, mut second) = (rig.accept_as(1), rig.accept_as(3));
    let bomb = Waker::from(Arc::new(Bomb));
    let flag = Flag::default();
    assert!(first.poll_read_chunk(&mut Context::from_waker(&bomb), 1).is_pending());
    assert!(flag.poll(|cx| second.poll_read_chunk(cx, 1)).is_pending());
    for id in [1, 3] {
        let flags = Flags::FIN;
        rig.receive(Frame::WindowUpdate { stream: rig.id(id), flags, delta: 0 });
    }
    assert!(catch_unwind(AssertUnwindSafe(|| rig.poll_driver())).is_err());
    assert!(flag.is_set());
}

#[test]
fn close_ends_in_time_with_nothing_left_to_send() {
    for stuck in [false, true] {
        let patient = quiet().close_timeout(secs(2)).write_stall_timeout(HOUR);
        let mut rig = Rig::new(Side::Server, patient.build().unwrap());
        let mut stream = rig.accept();
        assert!(rig.poll(|cx| stream.poll_close(cx)).is_pending());
        rig.run();
        if stuck {
            rig.transport().takes_writes = false;
            rig.receive(Frame::Ping { request: true, value: 1 });
            rig.run();
        }
        let session = rig.session();
        let mut close = Box::pin(session.close());
        assert!(rig.poll(|cx| close.as_mut().poll(cx)).is_pending());
        rig.run();
        rig.pass(secs(2));
        assert!(rig.poll(|cx| close.as_mut().poll(cx)).is_ready(), "stuck: {stuck}");
    }
}

#[test]
fn a_session_that_nobody_holds_ends_in_time() {
    let mut rig = Rig::new(Side::Server, quiet().build().unwrap());
    let mut stream = rig.accept();
    assert!(rig.poll(|cx| stream.poll_close(cx)).is_pending());
    rig.run();
    drop(stream);
    rig.leave();
    assert!(rig.run() < 5, "the driver wakes itself for nothing");
    rig.pass(secs(10));
    assert!(rig.is_done());
}

#[test]
fn a_flush_that_gets_stuck_is_not_a_close_in_good_order() {
    let mut rig = Rig::new(Side::Client, quiet().build().unwrap());
    let mut stream = rig.open();
    rig.transport().takes_flushes = false;
    assert!(rig.poll(|cx| stream.poll_write(cx, b"in a buffer")).is_ready());
    let session = rig.session();
    let mut close = Box::pin(session.close());
    assert!(rig.poll(|cx| close.as_mut().poll(cx)).is_pending());
    rig.run();
    rig.pass(HOUR);
    let closed = rig.poll(|cx| close.as_mut().poll(cx));
    assert!(
        matches!(closed, Poll::Ready(Err(SessionError::WriteStall | SessionError::CloseTimeout))),
        "{closed:?}"
    );
}

/// A stream whose data the transport does not take.
fn stuck() -> (Rig, Handle) {
    let mut rig = Rig::new(Side::Client, Config::default());
    let mut stream = rig.open();
    rig.transport().takes_writes = false;
    assert!(rig.poll(|cx| stream.poll_write(cx, b"stuck")).is_ready());
    rig.run();
    (rig, stream)
}

#[test]
fn a_transport_that_drained_while_nothing_ran_has_not_stalled() {
    let (mut rig, _stream) = stuck();
    // The process was stopped, or its only thread was busy.
    rig.advance(secs(11));
    rig.transport().takes_writes = true;
    rig.poll_driver();
    assert!(!rig.session().is_closed());
}

#[test]
fn a_flush_hears_of_a_reset() {
    let (mut rig, mut stream) = stuck();
    let woken = Flag::default();
    assert!(woken.poll(|cx| stream.poll_flush(cx)).is_pending());
    rig.receive(Frame::WindowUpdate { stream: stream.id(), flags: Flags::RST, delta: 3 });
    rig.run();
    assert!(woken.is_set());
    let flushed = rig.poll(|cx| stream.poll_flush(cx));
    assert!(matches!(flushed, Poll::Ready(Err(StreamError::Reset(3)))), "{flushed:?}");
}

/// A peer may answer before it has read everything, and reset the rest away.
#[test]
fn what_was_flushed_before_the_peer_stopped_stays_flushed() {
    for (sent, flags, ok) in
        [(true, Flags::FIN, true), (true, Flags::NONE, false), (false, Flags::FIN, false)]
    {
        let mut rig = Rig::new(Side::Client, Config::default());
        let mut stream = rig.open();
        rig.transport().takes_writes = sent;
        assert!(rig.poll(|cx| stream.poll_write(cx, b"request")).is_ready());
        rig.run();
        rig.receive(Frame::WindowUpdate { stream: stream.id(), flags, delta: 0 });
        rig.receive(Frame::WindowUpdate { stream: stream.id(), flags: Flags::RST, delta: 3 });
        rig.run();
        let is_reset = |result: Result<(), StreamError>| match result {
            Ok(()) => false,
            Err(StreamError::Reset(3)) => true,
            Err(other) => panic!("{other:?}"),
        };
        for end in [Handle::poll_flush, Handle::poll_close, Handle::poll_flush] {
            match rig.poll(|cx| end(&mut stream, cx)) {
                Poll::Ready(result) => assert_eq!(is_reset(result), !ok, "{sent}, {flags:?}"),
                Poll::Pending => panic!("there is nothing to wait for"),
            }
        }
        let written = rig.poll(|cx| stream.poll_write(cx, b"more"));
        assert!(matches!(written, Poll::Ready(Err(StreamError::Reset(3)))), "{written:?}");
    }
}

/// A server of a peer that has finished its request, and a second stream beside it.
fn answering() -> (Rig, Handle, Handle) {
    let mut rig = Rig::new(Side::Server, quiet().build().unwrap());
    let (answer, other) = (rig.accept(), rig.accept_as(3));
    rig.receive(Frame::WindowUpdate { stream: answer.id(), flags: Flags::FIN, delta: 0 });
    rig.run();
    (rig, answer, other)
}

#[test]
fn a_stream_that_is_finished_while_the_session_closes_is_waited_for() {
    for taken in [true, false] {
        let (mut rig, mut answer, mut other) = answering();
        assert!(rig.poll(|cx| other.poll_write(cx, b"staged before")).is_ready());
        let session = rig.session();
        let mut close = Box::pin(session.close());
        assert!(rig.poll(|cx| close.as_mut().poll(cx)).is_pending());
        rig.transport().takes_flushes = false;
        rig.run();
        assert!(rig.poll(|cx| answer.poll_write(cx, b"late answer")).is_ready());
        drop(answer);
        (rig.transport().takes_flushes, rig.transport().takes_writes) = (true, taken);
        rig.poll_driver();
        rig.run();
        rig.transport().ended = taken;
        rig.pass(HOUR);
        match (rig.poll(|cx| close.as_mut().poll(cx)), taken) {
            (Poll::Ready(Ok(())), true) => assert!(rig.has_sent(b"late answer")),
            (Poll::Ready(Err(SessionError::WriteStall | SessionError::CloseTimeout)), false) => {}
            (closed, _) => panic!("taken: {taken}, {closed:?}"),
        }
    }
}

#[test]
fn closing_tells_of_an_end_that_was_lost_with_the_transport() {
    let (mut rig, mut answer, other) = answering();
    rig.receive(Frame::WindowUpdate { stream: other.id(), flags: Flags::FIN, delta: 0 });
    rig.receive(Frame::GoAway { code: GoAwayCode::NORMAL });
    rig.run();
    drop(other);
    assert!(rig.poll(|cx| answer.poll_write(cx, b"answer")).is_ready());
    rig.run();
    assert!(rig.has_sent(b"answer"));
    rig.transport().broken = true;
    drop(answer);
    rig.run();
    rig.pass(HOUR);
    let closed = ready(rig.session().close());
    assert!(matches!(closed, Err(SessionError::ClosedByPeer)), "{closed:?}");
}

#[test]
fn what_was_thrown_away_is_never_called_flushed() {
    let violation: &[u8] = &[9; 12];
    let go_away = Frame::GoAway { code: GoAwayCode::INTERNAL_ERROR }.encode();
    for end in [violation, &go_away] {
        let mut rig = Rig::new(Side::Client, Config::default());
        let mut stream = rig.open();
        assert!(rig.poll(|cx| stream.poll_write(cx, b"precious")).is_ready());
        assert!(rig.poll(|cx| stream.poll_close(cx)).is_pending());
        rig.receive_bytes(end);
        rig.run();
        let closed = rig.poll(|cx| stream.poll_close(cx));
        assert!(matches!(closed, Poll::Ready(Err(_))), "{end:?}: {closed:?}");
        let flushed = rig.poll(|cx| stream.poll_flush(cx));
        assert!(matches!(flushed, Poll::Ready(Err(_))), "{end:?}: {flushed:?}");
    }
}

#[test]
fn a_driver_that_was_dropped_is_no_close_of_the_peer() {
    let mut rig = Rig::new(Side::Client, Config::default());
    rig.receive(Frame::GoAway { code: GoAwayCode::NORMAL });
    rig.run();
    rig.drop_driver();
    let cause = ready(rig.session().closed());
    assert!(matches!(cause, SessionError::DriverDropped), "{cause:?}");
}

#[test]
fn a_peer_that_breaks_the_protocol_and_talks_on_is_left_in_time() {
    let mut rig = Rig::new(Side::Server, Config::default());
    rig.transport().endless = true;
    rig.receive(Frame::GoAway { code: GoAwayCode::INTERNAL_ERROR });
    for _ in 0..100 {
        rig.poll_driver();
    }
    assert!(rig.transport().write_closed, "the write side closes at once");
    rig.advance(secs(1));
    rig.poll_driver();
    rig.poll_driver();
    assert!(rig.is_done());
    let cause = ready(rig.session().closed());
    assert!(matches!(cause, SessionError::GoAway(GoAwayCode::INTERNAL_ERROR)), "{cause:?}");
}

/// A waker that owns a stream, as that of a task may own the task.
struct Owner {
    _stream: Mutex<Handle>,
}

impl Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn the_last_waker_of_a_task_may_own_a_stream() {
    let (done, finished) = mpsc::channel();
    thread::spawn(move || {
        let mut rig = Rig::new(Side::Client, Config::default());
        for replaced in [false, true] {
            let (mut stream, owned) = (rig.open(), rig.open());
            let waker = Waker::from(Arc::new(Owner { _stream: Mutex::new(owned) }));
            assert!(stream.poll_read(&mut Context::from_waker(&waker), 1, |_| ()).is_pending());
            drop(waker);
            if replaced {
                assert!(rig.poll(|cx| stream.poll_read(cx, 1, |_| ())).is_pending());
            }
            drop(stream);
        }
        assert_eq!(rig.session().num_streams(), 4, "all of them await the peer's FIN");
        done.send(()).unwrap();
    });
    let waited = finished.recv_timeout(secs(60));
    assert!(waited.is_ok(), "the session waits for itself");
}

#[test]
fn everybody_who_flushes_hears_of_it() {
    let mut rig = Rig::new(Side::Client, Config::default());
    let mut streams = [rig.open(), rig.open(), rig.open()];
    let flags = [Flag::default(), Flag::default(), Flag::default()];
    rig.transport().takes_writes = false;
    for (stream, flag) in streams.iter_mut().zip(&flags) {
        assert!(rig.poll(|cx| stream.poll_write(cx, b"stuck")).is_ready());
        assert!(flag.poll(|cx| stream.poll_flush(cx)).is_pending());
    }
    rig.run();
    assert!(!flags.iter().any(Flag::is_set));
    rig.transport().takes_writes = true;
    rig.poll_driver();
    assert!(flags.iter().all(Flag::is_set));
}

#[test]
fn what_the_peer_said_is_heard_though_a_write_fails() {
    let (mut rig, mut stream) = stuck();
    let data = Frame::Data { stream: stream.id(), flags: Flags::NONE, length: 200_000 };
    rig.receive_bytes(&[&data.encode()[..], &vec![7; 200_000]].concat());
    rig.receive(Frame::GoAway { code: GoAwayCode(7) });
    rig.transport().broken = true;
    rig.transport().ended = true;
    rig.run();
    let mut read = 0;
    while let Poll::Ready(Ok(len @ 1..)) = rig.poll(|cx| stream.poll_read(cx, 1 << 20, |_| ())) {
        read += len;
    }
    let cause = ready(rig.session().closed());
    assert_eq!(read, 200_000, "{cause:?}");
    assert!(matches!(cause, SessionError::GoAway(GoAwayCode(7))), "{cause:?}");
}

#[test]
fn a_turn_that_idles_keeps_no_stream_from_another_task() {
    let mut rig = Rig::new(Side::Server, quiet().build().unwrap());
    let session = rig.session();
    let mut idle = session.accept_turn();
    assert!(rig.poll(|cx| session.poll_accept(cx, &mut idle)).is_pending());
    let woken = Flag::default();
    let mut accept = Box::pin(session.accept());
    assert!(woken.poll(|cx| accept.as_mut().poll(cx)).is_pending());
    rig.receive(Frame::WindowUpdate { stream: rig.id(1), flags: Flags::SYN, delta: 0 });
    rig.run();
    assert!(woken.is_set());
}

#[test]
fn who_polls_to_open_has_a_turn_when_the_peer_acknowledges() {
    let mut rig = Rig::new(Side::Client, quiet().build().unwrap());
    let session = rig.session();
    let mut turn = session.open_turn();
    let woken = Flag::default();
    let mut open = || woken.poll(|cx| session.poll_open(cx, &mut turn));
    let mut opened = Vec::new();
    while let Poll::Ready(stream) = open() {
        opened.push(stream.unwrap());
    }
    assert_eq!((opened.len(), woken.is_set()), (UNACKED_STREAMS, false));
    rig.run();
    let acked = opened[0].id();
    rig.receive(Frame::WindowUpdate { stream: acked, flags: Flags::ACK, delta: 0 });
    rig.run();
    assert!(woken.is_set());
    assert!(matches!(open(), Poll::Ready(Ok(_))));
    assert!(open().is_pending());
    rig.receive(Frame::GoAway { code: GoAwayCode::NORMAL });
    rig.run();
    assert!(matches!(open(), Poll::Ready(Err(SessionError::Refused))));
}

#[test]
fn a_write_that_fails_ends_the_session_in_time_though_the_peer_says_nothing() {
    let (mut rig, _stream) = stuck();
    rig.transport().broken = true;
    rig.poll_driver();
    rig.pass(secs(1));
    let cause = ready(rig.session().closed());
    assert!(matches!(cause, SessionError::Transport(_)), "{cause:?}");
    assert!(rig.is_done());
}

#[test]
fn time_passes_though_there_is_something_to_write_at_every_turn() {
    let mut rig = Rig::new(Side::Client, quiet().open_timeout(secs(5)).build().unwrap());
    let mut busy = rig.open();
    rig.pass(secs(60));
    assert!(rig.poll(|cx| busy.poll_write(cx, b"x")).is_ready());
    rig.transport().busy = Some(busy);
    let _silent = ready(rig.session().open()).unwrap();
    for _ in 0..20 {
        rig.advance(secs(1));
        rig.poll_driver();
    }
    assert_eq!(rig.session().stats().resets_sent, 1, "the stream nobody acknowledged is reset");
    rig.transport().busy = None;
}

/// A buffer whose owner holds the session, and looks at it as it goes.
struct BufferOwner {
    session: Session,
    data: Vec<u8>,
}

impl AsRef<[u8]> for BufferOwner {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for BufferOwner {
    fn drop(&mut self) {
        self.session.stats();
    }
}

/// Writes a chunk that keeps hold of the session; whatever drops it must not hold the lock.
fn write_owned(rig: &Rig, stream: &mut Handle, len: usize) {
    let mut chunk = Bytes::from_owner(BufferOwner { session: rig.session(), data: vec![7; len] });
    assert!(rig.poll(|cx| stream.poll_write_chunk(cx, &mut chunk)).is_ready());
    assert!(chunk.is_empty());
}

#[test]
fn the_owner_of_a_chunk_may_hold_the_session() {
    let mut rig = Rig::new(Side::Client, quiet().build().unwrap());
    let mut stream = rig.open();
    for len in [10, 10_000] {
        write_owned(&rig, &mut stream, len);
        rig.run();
    }
    assert!(rig.poll(|cx| stream.poll_write(cx, b"next")).is_ready());
    rig.run();
    write_owned(&rig, &mut stream, 10_000);
    rig.session().abort();
    rig.run();
    assert!(rig.is_done());
}

#[test]
fn streams_that_nobody_can_accept_are_reset() {
    let mut rig = Rig::new(Side::Server, quiet().build().unwrap());
    let mut held = rig.accept();
    let syn = |id| Frame::WindowUpdate { stream: id, flags: Flags::SYN, delta: 0 };
    rig.receive(syn(rig.id(3)));
    rig.run();
    rig.transport().output.clear();
    rig.leave();
    rig.run();
    rig.receive(syn(rig.id(5)));
    rig.run();
    let resets = [3, 5]
        .map(|id| Frame::WindowUpdate { stream: rig.id(id), flags: Flags::RST, delta: 0 }.encode());
    assert_eq!(rig.transport().output, resets.concat());
    rig.receive(Frame::Data { stream: rig.id(1), flags: Flags::NONE, length: 4 });
    rig.receive_bytes(b"data");
    rig.run();
    let mut read = Vec::new();
    let poll = rig.poll(|cx| held.poll_read(cx, 10, |piece| read.extend_from_slice(piece)));
    assert!(poll.is_ready() && !rig.is_done());
    assert_eq!(read, b"data", "streams that are held go on");
}

#[test]
fn what_streams_carry_is_not_for_the_log() {
    let mut rig = Rig::new(Side::Server, quiet().build().unwrap());
    let held = rig.accept();
    rig.receive(Frame::Data { stream: rig.id(1), flags: Flags::NONE, length: 6 });
    rig.receive_bytes(b"secret");
    rig.run();
    let session = rig.session();
    let printed = format!("{session:?} {held:?} {:?}", session.accept_turn());
    assert!(!printed.contains("secret"), "{printed}");
}
