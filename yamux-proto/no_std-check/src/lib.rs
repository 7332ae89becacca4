//! A static library without std that speaks Yamux: two sessions exchange a stream.

#![no_std]
#![forbid(unsafe_code)]

use bytes::{Buf, BytesMut};
use dlmalloc::GlobalDlmalloc;
use yamux_proto::{Config, Connection, Instant, Side, Transmit};

#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Bytes that the server received on a stream of the client; 5.
pub extern "C" fn exchange() -> usize {
    let now = Instant::ORIGIN;
    let mut client = Connection::new(Side::Client, Config::default(), now);
    let mut server = Connection::new(Side::Server, Config::default(), now);
    let Ok(id) = client.open() else { return 0 };
    let Ok(mut stream) = client.stream(id) else { return 0 };
    if stream.write(b"hello").is_err() {
        return 0;
    }
    let (mut batch, mut wire) = (Transmit::default(), BytesMut::new());
    while client.poll_transmit(now, &mut batch) {
        while batch.has_remaining() {
            let len = batch.chunk().len();
            wire.extend_from_slice(batch.chunk());
            batch.advance(len);
        }
        client.handle_transmitted(now);
    }
    server.handle_input(now, &mut wire);
    let Some(id) = server.accept() else { return 0 };
    let Ok(mut stream) = server.stream(id) else { return 0 };
    stream.read(&mut [0; 8]).unwrap_or(0)
}
