//! Streams: reading, writing, finishing, resetting.

use std::future::{Future as _, poll_fn};
use std::io::{self, IoSlice};
use std::task::Poll;

use bytes::Bytes;

use super::{pair, pattern, pipe, run};
use crate::runtime::prelude::*;
use crate::runtime::yamux::{Config, StreamError};
use crate::runtime::{Session, Stream, client, finish, server, spawn};

fn code_of(error: &io::Error) -> Option<u32> {
    let StreamError::Reset(code) = StreamError::from_io(error)? else { return None };
    Some(code)
}

#[test]
fn bytes_come_through_in_order_both_ways() {
    run(async {
        let (client, server) = pair();
        let data = pattern(1, 300_000);
        let echo = spawn(async move {
            let stream = server.accept().await.unwrap();
            let (mut recv, mut send) = stream.into_split();
            let mut piece = vec![0; 10_000];
            loop {
                match recv.read(&mut piece).await.unwrap() {
                    0 => break,
                    len => send.write_all(&piece[..len]).await.unwrap(),
                }
            }
            finish(&mut send).await.unwrap();
        });
        let (mut recv, mut send) = client.open().await.unwrap().into_split();
        let sent = data.clone();
        let writer = spawn(async move {
            send.write_all(&sent).await.unwrap();
            finish(&mut send).await.unwrap();
        });
        let mut back = Vec::new();
        recv.read_to_end(&mut back).await.unwrap();
        assert!(back == data);
        writer.await;
        echo.await;
    });
}

#[test]
fn a_handler_hears_that_its_caller_gave_up() {
    run(async {
        let (client, server) = pair();
        let mut call = client.open().await.unwrap();
        call.write_all(b"request").await.unwrap();
        finish(&mut call).await.unwrap();
        let mut stream = server.accept().await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
        let handler = spawn(async move { stream.closed().await });
        call.reset(5);
        assert!(matches!(handler.await, StreamError::Reset(5)));
    });
}

#[test]
fn either_half_resets_both() {
    run(async {
        let (client, server) = pair();
        let (mut recv, mut send) = client.open().await.unwrap().into_split();
        send.write_all(b"request").await.unwrap();
        let mut far = server.accept().await.unwrap();
        recv.reset(3);
        assert!(matches!(send.closed().await, StreamError::ResetLocally(3)));
        let mut request = Vec::new();
        let error = far.read_to_end(&mut request).await.unwrap_err();
        assert_eq!((&request[..], code_of(&error)), (&b"request"[..], Some(3)));
    });
}

#[test]
fn closed_hears_of_the_last_fin() {
    run(async {
        let (client, server) = pair();
        let (mut recv, mut send) = client.open().await.unwrap().into_split();
        finish(&mut send).await.unwrap();
        let ended = spawn(async move { send.closed().await });
        let mut far = server.accept().await.unwrap();
        far.write_all(b"answer").await.unwrap();
        finish(&mut far).await.unwrap();
        assert!(matches!(ended.await, StreamError::Finished));
        assert!(matches!(far.closed().await, StreamError::Finished));
        let mut answer = Vec::new();
        recv.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"answer");
    });
}

#[test]
fn either_side_opens() {
    run(async {
        let (client, server) = pair();
        let mut odd = client.open().await.unwrap();
        let mut even = server.open().await.unwrap();
        assert_eq!((odd.id().get(), even.id().get()), (1, 2));
        odd.write_all(b"from the client").await.unwrap();
        even.write_all(b"from the server").await.unwrap();
        let (mut at_server, mut at_client) =
            (server.accept().await.unwrap(), client.accept().await.unwrap());
        let mut text = [0; 15];
        at_server.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"from the client");
        at_client.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"from the server");
    });
}

#[test]
fn a_finished_half_leaves_the_other_open() {
    run(async {
        let (client, server) = pair();
        let mut near = client.open().await.unwrap();
        near.write_all(b"request").await.unwrap();
        finish(&mut near).await.unwrap();
        let mut far = server.accept().await.unwrap();
        let mut request = Vec::new();
        far.read_to_end(&mut request).await.unwrap();
        assert_eq!(request, b"request");
        far.write_all(b"response").await.unwrap();
        finish(&mut far).await.unwrap();
        let mut response = Vec::new();
        near.read_to_end(&mut response).await.unwrap();
        assert_eq!(response, b"response");
    });
}

#[test]
fn writing_after_finishing_is_a_broken_pipe() {
    run(async {
        let (client, _server) = pair();
        let mut stream = client.open().await.unwrap();
        finish(&mut stream).await.unwrap();
        finish(&mut stream).await.expect("finishing twice does no harm");
        let error = stream.write_all(b"more").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_reset_reaches_the_peer_with_its_code_behind_the_data() {
    run(async {
        let (client, server) = pair();
        let mut near = client.open().await.unwrap();
        // A stream that is reset before it is accepted is none to accept.
        let mut far = server.accept().await.unwrap();
        near.write_all(b"data").await.unwrap();
        near.reset(7);
        let error = near.write_all(b"more").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let mut data = Vec::new();
        let error = far.read_to_end(&mut data).await.unwrap_err();
        assert_eq!(data, b"data");
        assert_eq!((error.kind(), code_of(&error)), (io::ErrorKind::ConnectionReset, Some(7)));
    });
}

#[test]
fn chunks_pass_without_a_copy_and_in_order() {
    run(async {
        let (client, server) = pair();
        let data = Bytes::from(pattern(2, 200_000));
        let sent = data.clone();
        let writer = spawn(async move {
            let mut stream = client.open().await.unwrap();
            stream.write_chunk(sent.slice(..10)).await.unwrap();
            stream.write_chunk(sent.slice(10..)).await.unwrap();
            finish(&mut stream).await.unwrap();
            client.close().await.unwrap();
        });
        let mut stream = server.accept().await.unwrap();
        let mut received = Vec::new();
        while let Some(chunk) = stream.read_chunk(5000).await.unwrap() {
            assert!((1..=5000).contains(&chunk.len()));
            received.extend_from_slice(&chunk);
        }
        assert!(received == data);
        drop(stream);
        writer.await;
    });
}

#[test]
fn what_a_cancelled_write_has_not_taken_can_be_written_later() {
    run(async {
        let (client, server) = pair();
        let data = Bytes::from(pattern(3, 1_000_000));
        let mut near = client.open().await.unwrap();
        let mut rest = data.clone();
        let mut cancelled = Box::pin(near.write_chunk_buf(&mut rest));
        let waits = poll_fn(|cx| Poll::Ready(cancelled.as_mut().poll(cx).is_pending())).await;
        drop(cancelled);
        assert!(waits, "nobody reads");
        assert!((1..data.len()).contains(&rest.len()), "{} are left", rest.len());
        let writer = spawn(async move {
            near.write_chunk_buf(&mut rest).await.unwrap();
            assert!(rest.is_empty());
            finish(&mut near).await.unwrap();
        });
        let mut far = server.accept().await.unwrap();
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        assert!(received == data);
        writer.await;
    });
}

#[test]
fn lines_can_be_read() {
    run(async {
        let (client, server) = pair();
        let mut near = client.open().await.unwrap();
        near.write_all(b"one\ntwo\nrest").await.unwrap();
        finish(&mut near).await.unwrap();
        let mut far = server.accept().await.unwrap();
        let mut line = String::new();
        far.read_line(&mut line).await.unwrap();
        assert_eq!(line, "one\n");
        // What was read ahead for the line is there for every other way of reading.
        let mut two = [0; 4];
        far.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"two\n");
        assert_eq!(far.read_chunk(100).await.unwrap().as_deref(), Some(&b"rest"[..]));
        assert_eq!(far.read_chunk(100).await.unwrap(), None);
    });
}

#[test]
fn slices_are_written_together() {
    run(async {
        let (client, server) = pair();
        let mut near = client.open().await.unwrap();
        let slices = [IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"two")];
        assert_eq!(near.write_vectored(&slices).await.unwrap(), 6);
        near.flush().await.unwrap();
        assert_eq!(client.stats().data_sent, 6);
        let mut far = server.accept().await.unwrap();
        let mut both = [0; 6];
        far.read_exact(&mut both).await.unwrap();
        assert_eq!(&both, b"onetwo");
    });
}

#[test]
fn a_stream_can_be_only_read_and_only_written() {
    run(async {
        const LEN: usize = 2_000_000;
        let (client, server) = pair();
        let (recv, mut send) = client.open().await.unwrap().into_split();
        let writer = spawn(async move {
            send.write_all(&pattern(3, LEN)).await.unwrap();
            finish(&mut send).await.unwrap();
        });
        let (mut far_recv, far_send) = server.accept().await.unwrap().into_split();
        let mut received = Vec::new();
        far_recv.read_to_end(&mut received).await.unwrap();
        assert!(received == pattern(3, LEN));
        writer.await;
        drop((recv, far_send));
    });
}

#[test]
fn a_stream_is_acknowledged_when_it_is_accepted() {
    run(async {
        let (client, server) = pair();
        let mut near = client.open().await.unwrap();
        client.ping().await.unwrap();
        assert!(!near.is_acked(), "the peer has seen the stream and not accepted it");
        let mut far = server.accept().await.unwrap();
        assert!(far.is_acked());
        far.write_all(b"!").await.unwrap();
        near.read_exact(&mut [0]).await.unwrap();
        assert!(near.is_acked());
    });
}

#[test]
fn a_dropped_stream_ends_for_the_peer() {
    run(async {
        let (client, server) = pair();
        let mut near = client.open().await.unwrap();
        near.write_all(b"last words").await.unwrap();
        drop(near);
        let mut far = server.accept().await.unwrap();
        let mut words = Vec::new();
        far.read_to_end(&mut words).await.unwrap();
        assert_eq!(words, b"last words");
        drop(far);
        client.ping().await.unwrap();
        server.ping().await.unwrap();
        assert_eq!((client.num_streams(), server.num_streams()), (0, 0));
    });
}

#[test]
fn a_message_that_was_cut_off_does_not_look_complete() {
    run(async {
        let (client, server) = pair();
        let mut near = client.open().await.unwrap();
        near.reset_on_drop(7);
        near.write_all(b"the first half").await.unwrap();
        let mut far = server.accept().await.unwrap();
        far.read_exact(&mut [0; 14]).await.unwrap();
        drop(near);
        let error = far.read(&mut [0]).await.unwrap_err();
        assert_eq!(code_of(&error), Some(7));
    });
}

/// A request, on a stream that may not be dropped before its answer has come.
async fn call(client: &Session) -> Stream {
    let mut stream = client.open().await.unwrap();
    stream.reset_on_drop(7);
    stream.write_all(b"request").await.unwrap();
    finish(&mut stream).await.unwrap();
    stream
}

#[test]
fn a_handler_hears_that_nobody_waits_for_its_answer() {
    run(async {
        let (client, server) = pair();
        let near = call(&client).await;
        let mut far = server.accept().await.unwrap();
        far.read_to_end(&mut Vec::new()).await.unwrap();
        drop(near);
        assert!(matches!(far.closed().await, StreamError::Reset(7)));
    });
}

#[test]
fn a_stream_that_has_ended_is_dropped_without_a_reset() {
    run(async {
        let (client, server) = pair();
        let mut near = call(&client).await;
        let mut far = server.accept().await.unwrap();
        far.reset_on_drop(8);
        far.read_to_end(&mut Vec::new()).await.unwrap();
        far.write_all(b"answer").await.unwrap();
        finish(&mut far).await.unwrap();
        near.read_to_end(&mut Vec::new()).await.unwrap();
        drop((near, far));
        client.ping().await.unwrap();
        server.ping().await.unwrap();
        assert_eq!((client.stats().resets_sent, server.stats().resets_sent), (0, 0));
    });
}

#[test]
fn an_answer_to_a_peer_that_may_ask_more_is_not_reset() {
    run(async {
        let (client, server) = pair();
        for (done, resets) in [(true, 0), (false, 1)] {
            let mut near = client.open().await.unwrap();
            near.write_all(b"request").await.unwrap();
            let mut far = server.accept().await.unwrap();
            far.reset_on_drop(8);
            far.read_exact(&mut [0; 7]).await.unwrap();
            far.write_all(b"answer").await.unwrap();
            finish(&mut far).await.unwrap();
            if done {
                far.reset_on_drop(None);
            }
            drop(far);
            server.ping().await.unwrap();
            assert_eq!(server.stats().resets_sent, resets);
        }
    });
}

#[test]
fn what_is_dropped_unfinished_is_a_reset_if_so_configured() {
    run(async {
        let config = Config::builder().reset_unfinished(Some(9)).build().unwrap();
        let (near, far) = pipe::pipe(64 * 1024);
        let (client, server) = (client(near, Config::default()), server(far, config));
        for (finished, says_so, code) in
            [(false, false, Some(9)), (true, false, None), (false, true, None)]
        {
            let mut near = client.open().await.unwrap();
            near.write_all(b"request").await.unwrap();
            let mut far = server.accept().await.unwrap();
            far.read_exact(&mut [0; 7]).await.unwrap();
            far.write_all(b"answer").await.unwrap();
            if finished {
                finish(&mut far).await.unwrap();
            }
            if says_so {
                far.reset_on_drop(None);
            }
            drop(far);
            near.read_exact(&mut [0; 6]).await.unwrap();
            let end = near.read(&mut [0]).await;
            assert_eq!(end.as_ref().err().and_then(code_of), code, "{end:?}");
        }
        // The half that writes says it all.
        let mut near = client.open().await.unwrap();
        let (recv, send) = server.accept().await.unwrap().into_split();
        drop(recv);
        server.ping().await.unwrap();
        near.write_all(b"nobody reads").await.unwrap();
        drop(send);
        assert!(matches!(near.closed().await, StreamError::Reset(9)));
    });
}

#[test]
fn a_half_that_has_ended_leaves_the_other_alone() {
    run(async {
        let (client, server) = pair();
        let mut near = client.open().await.unwrap();
        near.reset_on_drop(7);
        let (mut recv, mut send) = near.into_split();
        send.write_all(b"request").await.unwrap();
        finish(&mut send).await.unwrap();
        drop(send);
        let mut far = server.accept().await.unwrap();
        far.write_all(b"half an answer").await.unwrap();
        recv.read_exact(&mut [0; 14]).await.unwrap();
        drop(recv);
        assert!(matches!(far.closed().await, StreamError::Reset(7)));

        let mut near = client.open().await.unwrap();
        near.reset_on_drop(7);
        let (_recv, send) = near.into_split();
        let mut far = server.accept().await.unwrap();
        drop(send);
        let error = far.read(&mut [0]).await.unwrap_err();
        assert_eq!(code_of(&error), Some(7), "nothing was finished");
    });
}

#[test]
fn a_reader_that_left_is_written_to_until_the_limit() {
    run(async {
        let (client, server) = pair();
        let near = client.open().await.unwrap();
        let mut far = server.accept().await.unwrap();
        drop(near);
        let error = far.write_all(&pattern(4, 4_000_000)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let discarded = client.stats().data_discarded;
        assert!((1 << 20..2 << 20).contains(&discarded), "{discarded} bytes were discarded");
    });
}

#[test]
fn writing_nothing_never_waits() {
    run(async {
        let (client, _server) = pair();
        let mut stream = client.open().await.unwrap();
        let mut full = Box::pin(async { stream.write_all(&[0; 1 << 20]).await });
        let waits = poll_fn(|cx| Poll::Ready(full.as_mut().poll(cx).is_pending())).await;
        assert!(waits, "there is no room");
        drop(full);
        assert_eq!(stream.write(&[]).await.unwrap(), 0);
    });
}

/// A slice of the session's read buffer would keep all of it alive for as long as a line is worked on.
#[test]
fn a_buffered_reader_lends_little_at_a_time() {
    run(async {
        let (client, server) = pair();
        let mut near = client.open().await.unwrap();
        near.write_all(&[7; 100_000]).await.unwrap();
        finish(&mut near).await.unwrap();
        let mut far = server.accept().await.unwrap();
        let mut total = 0;
        loop {
            let lent = far.fill_buf().await.unwrap().len();
            assert!(lent <= 16 * 1024, "{lent}");
            if lent == 0 {
                break;
            }
            total += lent;
            far.read_exact(&mut vec![0; lent]).await.unwrap();
        }
        assert_eq!(total, 100_000);
    });
}

#[test]
fn what_was_received_is_not_for_the_log() {
    run(async {
        let (client, server) = pair();
        client.open().await.unwrap().write_all(b"secret").await.unwrap();
        let mut stream = server.accept().await.unwrap();
        assert_eq!(stream.fill_buf().await.unwrap(), b"secret");
        let whole = format!("{stream:?}");
        let (recv, _send) = stream.into_split();
        // Bytes print as text in quotes.
        for printed in [whole, format!("{recv:?}"), format!("{:?}", server.incoming())] {
            assert!(!printed.contains("secret"), "{printed}");
        }
    });
}
