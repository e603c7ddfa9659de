//! Rows that were logged as statements: what they changed is held with the place, by whatever way it was changed,
//! and all else goes on.

use anyhow::{Context, Result, ensure};

use super::{execute, sound};
use crate::{
    address::Address,
    e2e::stage::{ARRIVAL_TIMEOUT, Stage},
    replica::Host,
};

/// The code of a table that cannot be followed.
const CODE: &str = "SRC037";

/// The tables of this part.
pub(super) async fn create(source: &Address) -> Result<()> {
    execute(
        source,
        &[
            "create table stated (id int primary key, v varchar(50))",
            "create table stated_too (id int primary key, v varchar(50))",
            "create table seen_through (id int primary key, v varchar(50))",
            "create view looking as select id, v from seen_through",
            "create table fires (id int primary key, v varchar(50))",
            "create table fired (id int auto_increment primary key, v varchar(50))",
            "create table called (id int auto_increment primary key, v varchar(50))",
            "insert into stated values (1, 'a'), (2, 'b')",
            "insert into stated_too values (1, 'a'), (2, 'b')",
            "set global log_bin_trust_function_creators = 1",
            "create trigger firing after insert on fires for each row insert into fired (v) values (new.v)",
            "create function calling(what varchar(50)) returns int modifies sql data \
               begin insert into called (v) values (what); return 1; end",
        ],
    )
    .await
}

/// One session in another format, and tables that must be held behind it.
struct Play {
    what: &'static str,
    statements: &'static [&'static str],
    /// Beside those of the plays before it.
    held: &'static [&'static str],
}

/// Plays between which no table comes back.
const MIXED: &[Play] = &[
    Play {
        what: "MIXED",
        statements: &[
            "set binlog_format = mixed",
            "insert into stated_too values (20, uuid())",
            "delete from stated where id = 2",
        ],
        held: &["stated"],
    },
    Play {
        what: "rows and a statement in one transaction",
        statements: &[
            "begin",
            "insert into stated_too values (30, 'row')",
            "commit",
            "set binlog_format = statement",
            "begin",
            "replace into stated select id, 'replaced' from stated_too",
            "commit",
        ],
        held: &[],
    },
];

const STATEMENT: &[Play] = &[
    Play {
        what: "an insert",
        statements: &[
            "set binlog_format = statement",
            "insert into stated values (10, 'ten')",
        ],
        held: &["stated"],
    },
    Play {
        what: "two tables in one statement",
        statements: &[
            "set binlog_format = statement",
            "update stated a join stated_too b using (id) set a.v = 'both', b.v = 'both'",
        ],
        held: &["stated_too"],
    },
    Play {
        what: "through a view",
        statements: &[
            "set binlog_format = statement",
            "insert into looking values (1, 'seen')",
        ],
        held: &["seen_through"],
    },
    Play {
        what: "by a trigger",
        statements: &[
            "set binlog_format = statement",
            "insert into fires values (1, 'fire')",
        ],
        held: &["fires", "fired"],
    },
    Play {
        what: "by a function",
        statements: &[
            "set global log_bin_trust_function_creators = 1",
            "set binlog_format = statement",
            "insert into stated values (40, calling('me'))",
        ],
        held: &["called"],
    },
];

/// Plays them; what is held comes back by `sync_tables`.
pub(super) async fn run(stage: &mut Stage, host: &mut Host) -> Result<()> {
    for plays in [MIXED, STATEMENT] {
        let mut expected = Vec::new();
        for play in plays {
            expected.extend(play.held);
            expected.sort_unstable();
            one(stage, host, play, &expected).await.context(play.what)?;
        }
        stage
            .replica
            .must(&["sync_tables", "--tables", "disabled"])
            .await?;
        sound(stage, host).await.context("after sync_tables")?;
    }
    Ok(())
}

async fn one(stage: &mut Stage, host: &mut Host, play: &Play, expected: &[&str]) -> Result<()> {
    execute(&stage.source, play.statements).await?;
    stage
        .wait_for_arrival(host, ARRIVAL_TIMEOUT)
        .await
        .context("what is not concerned goes on")?;
    let held = held(stage).await?;
    ensure!(held == expected, "{held:?} are held, not {expected:?}");
    Ok(())
}

/// Names of tables that are held with the code and a place.
async fn held(stage: &Stage) -> Result<Vec<String>> {
    let client = stage.target.postgres().await?;
    let rows = client
        .query(
            "select t_table_name from sch_chameleon.t_held_tables \
             where t_code = $1 and t_first_binlog is not null and i_first_position is not null \
             order by t_table_name",
            &[&CODE],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
