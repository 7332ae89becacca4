//! The two adapters talk to each other, one on each end of a connection.

use std::net::{TcpListener, TcpStream};
use std::thread;

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use yamux_async_std::Config;

/// Echoes every stream, on Tokio, until the session ends.
fn serve_on_tokio(socket: TcpStream) {
    use tokio::io::AsyncWriteExt as _;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        socket.set_nonblocking(true).unwrap();
        let socket = tokio::net::TcpStream::from_std(socket).unwrap();
        let session = yamux_tokio::Session::server(socket, Config::default());
        while let Ok(mut stream) = session.accept().await {
            tokio::spawn(async move {
                while let Some(chunk) = stream.read_chunk(100_000).await.unwrap() {
                    stream.write_chunk(chunk).await.unwrap();
                }
                stream.shutdown().await.unwrap();
            });
        }
    });
}

#[test]
fn the_adapters_understand_each_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    let server = thread::spawn(move || serve_on_tokio(far));
    async_std::task::block_on(async {
        let near = async_std::net::TcpStream::from(near);
        let session = yamux_async_std::Session::client(near, Config::default());
        for len in [0, 1, 4_096, 1_000_000] {
            let (mut recv, mut send) = session.open().await.unwrap().into_split();
            let data = vec![len as u8 ^ 0x5a; len];
            let write = async {
                send.write_all(&data).await.unwrap();
                send.close().await.unwrap();
            };
            let mut back = Vec::new();
            let (_, read) = futures::join!(write, recv.read_to_end(&mut back));
            read.unwrap();
            assert!(back == data);
        }
        session.close().await.unwrap();
    });
    server.join().unwrap();
}
