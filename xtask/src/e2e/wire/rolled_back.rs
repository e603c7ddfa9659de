//! What a transaction took back in its midst. MariaDB logs it where tables that know no transactions took part;
//! MySQL refuses such transactions under GTIDs and logs nothing of what was taken back.

use anyhow::{Context, Result, ensure};

use super::{execute, is_mysql, sound};
use crate::{
    address::Address,
    e2e::stage::{ARRIVAL_TIMEOUT, Stage},
    replica::Host,
    servers::engine::Kind,
};

/// The tables of this part.
pub(super) async fn create(source: &Address) -> Result<()> {
    execute(
        source,
        &[
            "create table transactional (id int primary key, v longtext)",
            "create table untransactional (id int primary key, v text) engine = myisam",
        ],
    )
    .await
}

/// Rolls back to savepoints, in short and long transactions.
pub(super) async fn run(stage: &mut Stage, host: &mut Host, kind: Kind) -> Result<()> {
    execute(
        &stage.source,
        &[
            "begin",
            "insert into transactional values (1, 'kept')",
            "savepoint `a b`",
            "insert into transactional values (2, 'gone')",
            "savepoint inner_one",
            "insert into transactional values (3, 'gone too')",
            "rollback to savepoint inner_one",
            "rollback work to `a b`",
            "insert into transactional values (4, 'kept')",
            "release savepoint `a b`",
            "commit",
            "insert into untransactional values (1, 'kept')",
        ],
    )
    .await?;
    sound(stage, host).await?;
    if is_mysql(kind) {
        return Ok(());
    }
    execute(
        &stage.source,
        &[
            "begin",
            "insert into transactional values (11, 'kept')",
            "savepoint s",
            "insert into transactional values (12, 'gone')",
            "insert into untransactional values (11, 'stays')",
            "rollback to s",
            "insert into transactional values (13, 'kept')",
            "commit",
            "begin",
            "insert into transactional values (14, 'gone')",
            "insert into untransactional values (12, 'stays')",
            "rollback",
        ],
    )
    .await?;
    sound(stage, host).await.context("with another engine")?;
    long(stage, host).await.context("a long transaction")
}

/// More than the replica keeps of one transaction before it writes a part. Taken back as a whole, nothing of it is
/// written; taken back to a savepoint, its tables are held.
async fn long(stage: &mut Stage, host: &mut Host) -> Result<()> {
    let inserts = |first: u32| {
        (first..first + 40)
            .map(|id| format!("insert into transactional values ({id}, repeat('v', 1000000))"))
    };
    let mut whole = vec!["begin".to_owned()];
    whole.extend(inserts(100));
    whole.extend([
        "insert into untransactional values (21, 'stays')".into(),
        "rollback".into(),
        "insert into plain values (7001, 7, 'kept')".into(),
    ]);
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    execute(&stage.source, &whole).await?;
    sound(stage, host).await.context("as a whole")?;

    let mut half = vec![
        "begin".to_owned(),
        "insert into transactional values (200, 'kept')".into(),
        "savepoint s".into(),
    ];
    half.extend(inserts(201));
    half.extend([
        "insert into untransactional values (22, 'stays')".into(),
        "rollback to s".into(),
        "insert into plain values (7002, 7, 'kept')".into(),
        "commit".into(),
    ]);
    let half: Vec<&str> = half.iter().map(String::as_str).collect();
    execute(&stage.source, &half).await?;
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    let held = stage.replica.status().await?.held_tables();
    ensure!(
        held.iter().any(|table| table.contains("transactional")),
        "nothing is held: {held:?}"
    );
    stage
        .replica
        .must(&["sync_tables", "--tables", "disabled"])
        .await?;
    sound(stage, host).await
}
