//! `/metrics` for Prometheus, `/healthz`, `/readyz`. Read-only, and off unless `http` is set.
//!
//! `/healthz` answers 200 while the process turns. `/readyz` answers 200 when every source is being
//! replicated, else 503; both list the sources as JSON.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics::{Unit, describe_counter, describe_gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Serialize;

use crate::error::HostError;

/// How one source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceHealth {
    /// Connecting, or catching up with what an earlier run left.
    Starting,
    /// Being replicated.
    Ready,
    /// Waiting to be tried again, or given up.
    Failing,
}

/// How all sources are. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Health {
    sources: Arc<Mutex<BTreeMap<String, SourceHealth>>>,
}

impl Health {
    /// Says how a source is.
    pub fn set(&self, source: &str, health: SourceHealth) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        match sources.get_mut(source) {
            Some(known) => *known = health,
            None => drop(sources.insert(source.to_owned(), health)),
        }
    }

    /// All sources by name.
    pub fn sources(&self) -> BTreeMap<String, SourceHealth> {
        self.sources
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// There is a source, and all of them are ready.
    pub fn is_ready(&self) -> bool {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        !sources.is_empty() && sources.values().all(|&h| h == SourceHealth::Ready)
    }
}

/// What every metric means.
pub fn describe() {
    describe_counter!(
        "chameleon_rows_total",
        "Row changes applied to the target's tables."
    );
    describe_counter!(
        "chameleon_batches_total",
        "Batches applied to the target's tables."
    );
    describe_counter!(
        "chameleon_reconnects_total",
        "Connections opened anew after one was lost, by side."
    );
    describe_gauge!(
        "chameleon_lag_seconds",
        Unit::Seconds,
        "How far the target is behind the source."
    );
    describe_gauge!(
        "chameleon_lag_bytes",
        Unit::Bytes,
        "Bytes of the source's binlog that are not read yet."
    );
    describe_gauge!(
        "chameleon_unreplayed_rows",
        "Row changes in the relay log that wait for replay."
    );
    describe_gauge!(
        "chameleon_held_tables",
        "Tables that are held and need an operator."
    );
}

#[derive(Clone)]
struct Shared {
    health: Health,
    metrics: PrometheusHandle,
}

/// Listens at each address and records metrics from now on, until the process ends. Returns where it
/// listens, which differs where a port is 0.
///
/// # Errors
/// CFG059 where an address cannot be listened at.
pub async fn serve(addresses: &[SocketAddr], health: Health) -> Result<Vec<SocketAddr>, HostError> {
    let mut listeners = Vec::new();
    for &address in addresses {
        let failed = |source| HostError::Http { address, source };
        listeners.push(
            tokio::net::TcpListener::bind(address)
                .await
                .map_err(failed)?,
        );
    }
    let metrics = record()?;
    let router = router(Shared { health, metrics });
    let mut bound = Vec::new();
    for (listener, &address) in listeners.into_iter().zip(addresses) {
        let failed = |source| HostError::Http { address, source };
        let address = listener.local_addr().map_err(failed)?;
        let router = router.clone();
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "metrics and health are served no more");
            }
        });
        tracing::info!(%address, "serving metrics and health");
        bound.push(address);
    }
    Ok(bound)
}

/// Records what the `metrics` macros say from now on.
fn record() -> Result<PrometheusHandle, HostError> {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| HostError::System {
        attempt: "record metrics",
        source: std::io::Error::other("they are recorded elsewhere already"),
    })?;
    describe();
    let upkeep = metrics.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(5));
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(metrics)
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/metrics", get(metrics_page))
        .route("/healthz", get(health_page))
        .route("/readyz", get(ready_page))
        .with_state(shared)
}

async fn metrics_page(State(shared): State<Shared>) -> impl IntoResponse {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, content_type)],
        shared.metrics.render(),
    )
}

async fn health_page(State(shared): State<Shared>) -> impl IntoResponse {
    page(StatusCode::OK, &shared.health)
}

async fn ready_page(State(shared): State<Shared>) -> impl IntoResponse {
    let status = match shared.health.is_ready() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    page(status, &shared.health)
}

fn page(status: StatusCode, health: &Health) -> impl IntoResponse + use<> {
    let body = serde_json::json!({ "sources": health.sources() });
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (status, content_type, format!("{body}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn readiness_follows_the_sources_and_metrics_are_shown() {
        let health = Health::default();
        let any_port = "127.0.0.1:0".parse().unwrap();
        let bound = serve(&[any_port], health.clone()).await.unwrap();
        let check = async |path: &str, expect: &str| {
            let answer = ask(bound[0], path).await;
            assert!(answer.starts_with(expect), "{path}: {answer}");
            answer
        };
        check("/readyz", "HTTP/1.1 503").await;
        health.set("shop", SourceHealth::Ready);
        health.set("blog", SourceHealth::Starting);
        check("/readyz", "HTTP/1.1 503").await;
        check("/healthz", "HTTP/1.1 200").await;
        health.set("blog", SourceHealth::Ready);
        let answer = check("/readyz", "HTTP/1.1 200").await;
        assert!(
            answer.contains(r#"{"sources":{"blog":"ready","shop":"ready"}}"#),
            "{answer}"
        );
        metrics::gauge!("chameleon_lag_seconds", "source" => "shop").set(0.5);
        let answer = check("/metrics", "HTTP/1.1 200").await;
        assert!(
            answer.contains("chameleon_lag_seconds{source=\"shop\"} 0.5"),
            "{answer}"
        );
        check("/nothing", "HTTP/1.1 404").await;
    }
}
