//! A fresh database per test.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use chameleon_postgres::{Client, ConnectOptions, connect};

/// Where the test server is.
pub(crate) fn options() -> ConnectOptions {
    let url = std::env::var("CHAMELEON_TEST_POSTGRES_URL");
    let url = url.expect("CHAMELEON_TEST_POSTGRES_URL is not set: run `cargo xtask test`");
    let mut options = ConnectOptions::from_url(&url).unwrap();
    options.application_name = "chameleon tests".into();
    options
}

/// Runs a test in a database of its own, which is dropped whatever becomes of the test.
pub(crate) async fn with_database<F>(test: impl FnOnce(Client, ConnectOptions) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("chameleon_postgres_{}_{now:x}_{number}", std::process::id());
    let mut options = options();
    let admin = connect(&options).await.unwrap();
    admin
        .batch_execute(&format!("create database {name}"))
        .await
        .unwrap();
    options.database.clone_from(&name);
    let client = connect(&options).await.unwrap();
    let outcome = tokio::spawn(test(client, options)).await;
    let dropped = admin
        .batch_execute(&format!("drop database {name} with (force)"))
        .await;
    if let Err(panicked) = outcome {
        std::panic::resume_unwind(panicked.into_panic());
    }
    dropped.unwrap();
}
