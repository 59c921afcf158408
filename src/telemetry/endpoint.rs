//! `GET /metrics` over HTTP, for as long as the run lasts. No more of HTTP than that.

use super::metrics::Metrics;
use crate::error::{Error, Kind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longest request that is read, in bytes.
const REQUEST_MAX: usize = 8 * 1024;

/// How long a client may take.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Server(tokio::task::JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    pub(super) fn start(at: SocketAddr, metrics: &Arc<Metrics>) -> Result<Self, Error> {
        let failed = |error: std::io::Error| {
            Error::new(Kind::Input, format!("cannot listen at {at} for metrics"))
                .detail(format!("{error}."))
                .hint("Choose another address for listen in [metrics].")
        };
        let listener = std::net::TcpListener::bind(at).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        let metrics = Arc::clone(metrics);
        Ok(Self(tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(TIMEOUT).await;
                    continue;
                };
                // One after the other: a scraper comes every few seconds.
                let _ = tokio::time::timeout(TIMEOUT, answer(stream, &metrics)).await;
            }
        })))
    }
}

async fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REQUEST_MAX {
        match stream.read(&mut part).await? {
            0 => break,
            n => request.extend_from_slice(&part[..n]),
        }
    }
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let (status, body) = match line {
        _ if line.starts_with(b"GET /metrics ") => ("200 OK", metrics.render()),
        _ if line.starts_with(b"GET ") => ("404 Not Found", "see /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "only GET\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
