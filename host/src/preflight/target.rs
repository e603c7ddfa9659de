//! The target's side of `check`: connection, version, rights, catalog, destination schema, other
//! replicas.

use chameleon_catalog::{CatalogState, SourceRow, sessions};
use chameleon_diag::{Finding, Severity, codes};
use chameleon_postgres::tokio_postgres::types::Type;
use chameleon_postgres::{Client, PostgresError, quote_ident};

use super::{finding, of_error};
use crate::context::{Context, session_text};
use crate::error::HostError;

/// Oldest version that works.
const MIN_VERSION: i32 = 130_000;
/// Sessions besides the copy's workers: reading, replay, control, and one to look.
const OTHER_SESSIONS: i64 = 4;

/// What the target said.
pub(super) struct TargetSide {
    pub(super) findings: Vec<Finding>,
    /// A session, where one could be had.
    pub(super) client: Option<Client>,
}

pub(super) async fn check(cx: &Context) -> TargetSide {
    let client = match cx.connect_target().await {
        Ok(client) => client,
        Err(error) => {
            return TargetSide {
                findings: vec![of_error(&error, "pg_conn")],
                client: None,
            };
        }
    };
    let mut findings = Vec::new();
    if let Err(error) = ask(cx, &client, &mut findings).await {
        findings.push(of_error(&error, "target"));
    }
    TargetSide {
        findings,
        client: Some(client),
    }
}

async fn ask(cx: &Context, client: &Client, findings: &mut Vec<Finding>) -> Result<(), HostError> {
    let facts = Facts::read(client, &cx.config.dest_schema).await?;
    facts.check_server(cx, findings);
    let state = chameleon_catalog::version(client).await?;
    check_state(&state, findings);
    let sources = match state {
        CatalogState::V13 | CatalogState::V13Original => chameleon_catalog::sources(client).await?,
        _ => Vec::new(),
    };
    let own = sources.iter().find(|s| s.name == cx.name());
    check_registration(cx, &state, &sources, findings);
    facts.check_rights(cx, &state, findings);
    facts.check_schema(cx, &state, own, findings);
    check_sessions(cx, client, own, findings).await
}

/// What one query tells of server and destination schema.
struct Facts {
    version: i32,
    version_text: String,
    standby: bool,
    encoding: String,
    user: String,
    may_create_schemas: bool,
    free_sessions: i64,
    schema_exists: bool,
    /// The user is owner of the schema, or a member of the role that is.
    schema_owned: bool,
    /// Tables, views and the like in the schema.
    schema_relations: i64,
}

impl Facts {
    async fn read(client: &Client, schema: &str) -> Result<Self, HostError> {
        let attempt = "read the target's settings";
        let failed = |error| PostgresError::statement(attempt, &error);
        let sql = "select current_setting('server_version_num')::integer, \
                          current_setting('server_version'), pg_is_in_recovery(), \
                          pg_encoding_to_char(d.encoding)::text, current_user::text, \
                          has_database_privilege(d.oid, 'create'), \
                          current_setting('max_connections')::bigint \
                            - current_setting('superuser_reserved_connections')::bigint \
                            - (select count(*) from pg_stat_activity \
                                where backend_type = 'client backend'), \
                          n.oid is not null, \
                          coalesce(pg_has_role(n.nspowner, 'usage'), false), \
                          (select count(*) from pg_class c where c.relnamespace = n.oid \
                              and c.relkind in ('r', 'p', 'v', 'm', 'f')) \
                     from pg_database d left join pg_namespace n on n.nspname = $1 \
                    where d.datname = current_database()";
        let params = [(&schema as _, Type::TEXT)];
        let row = client.query_typed_one(sql, &params).await.map_err(failed)?;
        Ok(Self {
            version: row.try_get(0).map_err(failed)?,
            version_text: row.try_get(1).map_err(failed)?,
            standby: row.try_get(2).map_err(failed)?,
            encoding: row.try_get(3).map_err(failed)?,
            user: row.try_get(4).map_err(failed)?,
            may_create_schemas: row.try_get(5).map_err(failed)?,
            free_sessions: row.try_get(6).map_err(failed)?,
            schema_exists: row.try_get(7).map_err(failed)?,
            schema_owned: row.try_get(8).map_err(failed)?,
            schema_relations: row.try_get(9).map_err(failed)?,
        })
    }

    fn check_server(&self, cx: &Context, findings: &mut Vec<Finding>) {
        let database = &cx.config.pg_database;
        if self.version < MIN_VERSION {
            findings.push(finding(
                Severity::Error,
                codes::TGT030,
                "server_version",
                format!("PostgreSQL {} is older than 13", self.version_text),
                "upgrade the target to PostgreSQL 13 or later",
            ));
        }
        if self.standby {
            findings.push(finding(
                Severity::Error,
                codes::TGT009,
                "pg_conn.host",
                "the server is a standby, which takes no writes",
                "name the primary in pg_conn.host",
            ));
        }
        if self.encoding != "UTF8" {
            findings.push(finding(
                Severity::Warning,
                codes::TGT034,
                database,
                format!("the database is encoded in {}, not in UTF8", self.encoding),
                "use a database made with: create database ... encoding 'UTF8' template template0",
            ));
        }
        let needed = i64::from(cx.config.copy_workers) + OTHER_SESSIONS;
        if self.free_sessions < needed {
            let free = self.free_sessions.max(0);
            findings.push(finding(
                Severity::Warning,
                codes::TGT040,
                "max_connections",
                format!("{free} sessions are free, and a copy takes {needed}"),
                "raise max_connections, or lower copy_workers",
            ));
        }
    }

    fn check_rights(&self, cx: &Context, state: &CatalogState, findings: &mut Vec<Finding>) {
        let (database, user) = (quote_ident(&cx.config.pg_database), quote_ident(&self.user));
        let needs_schema = *state == CatalogState::Absent || !cx.config.keep_existing_schema;
        if !self.may_create_schemas && needs_schema {
            findings.push(finding(
                Severity::Error,
                codes::TGT007,
                &cx.config.pg_database,
                format!("{user} may not create schemas in the database"),
                format!("as its owner: grant create on database {database} to {user}"),
            ));
        }
        if self.schema_exists && !self.schema_owned {
            let schema = quote_ident(&cx.config.dest_schema);
            findings.push(finding(
                Severity::Error,
                codes::TGT007,
                &cx.config.dest_schema,
                format!("the schema does not belong to {user}"),
                format!("as its owner: alter schema {schema} owner to {user}"),
            ));
        }
    }

    fn check_schema(
        &self,
        cx: &Context,
        state: &CatalogState,
        own: Option<&SourceRow>,
        findings: &mut Vec<Finding>,
    ) {
        let schema = &cx.config.dest_schema;
        if cx.config.keep_existing_schema && !self.schema_exists {
            findings.push(finding(
                Severity::Error,
                codes::TGT031,
                schema,
                "keep_existing_schema is set, and there is no such schema",
                "make schema and tables first, or leave keep_existing_schema out",
            ));
        }
        // whose schema it is, an older catalog is not asked
        let known = !matches!(state, CatalogState::V12 | CatalogState::Halfway);
        let replaced = own.is_none() && known && !cx.config.keep_existing_schema;
        if replaced && self.schema_relations > 0 {
            findings.push(finding(
                Severity::Warning,
                codes::TGT031,
                schema,
                format!(
                    "the schema holds {} tables and views that are not this source's; \
                     init_replica replaces the schema",
                    self.schema_relations
                ),
                "choose another dest_schema, rename the schema, or set keep_existing_schema: yes",
            ));
        }
    }
}

fn check_state(state: &CatalogState, findings: &mut Vec<Finding>) {
    let object = chameleon_catalog::SCHEMA;
    let (severity, code, what, remedy) = match state {
        CatalogState::V13 => return,
        CatalogState::Absent => (
            Severity::Info,
            codes::CAT001,
            "there is no catalog yet".to_owned(),
            "chameleon create_schema",
        ),
        CatalogState::V13Original => (
            Severity::Info,
            codes::CAT003,
            "the catalog was made by pg_chameleon 1.3 and lacks tables of this program".to_owned(),
            "chameleon upgrade_schema, or leave it to the next command that writes",
        ),
        CatalogState::V12 => needs_upgrade("is of version 1.2"),
        CatalogState::Halfway => needs_upgrade("stands half-way between 1.2 and 1.3"),
        CatalogState::Older(label) => needs_upgrade(&format!("is of version {label}")),
        CatalogState::Newer(label) => (
            Severity::Error,
            codes::CAT004,
            format!("the catalog is of version {label} of pg_chameleon, newer than 1.3"),
            "use another pg_database, or detach its replicas with the program that made it",
        ),
        CatalogState::Foreign => (
            Severity::Error,
            codes::CAT005,
            "the schema exists and is no catalog".to_owned(),
            "rename that schema, or use another pg_database",
        ),
    };
    findings.push(finding(severity, code, object, what, remedy));
}

fn needs_upgrade(is: &str) -> (Severity, chameleon_diag::ErrorCode, String, &'static str) {
    let what = format!("the catalog {is}, not 1.3");
    (
        Severity::Error,
        codes::CAT003,
        what,
        "chameleon-tools migrate plan",
    )
}

fn check_registration(
    cx: &Context,
    state: &CatalogState,
    sources: &[SourceRow],
    findings: &mut Vec<Finding>,
) {
    if !matches!(state, CatalogState::V13 | CatalogState::V13Original) {
        return;
    }
    let (name, schema) = (cx.name(), &cx.config.dest_schema);
    let own = sources.iter().find(|s| s.name == name);
    match own {
        None => findings.push(finding(
            Severity::Info,
            codes::CAT007,
            name,
            "the source is not registered yet",
            "chameleon add_source",
        )),
        Some(own) if own.dest_schema != *schema => findings.push(finding(
            Severity::Error,
            codes::CAT008,
            "dest_schema",
            format!("the source is registered for schema {}", own.dest_schema),
            format!(
                "set dest_schema: {}, or drop_source and add_source",
                own.dest_schema
            ),
        )),
        Some(_) => {}
    }
    let other = sources
        .iter()
        .find(|s| s.name != name && s.dest_schema == *schema);
    if let Some(other) = other {
        findings.push(finding(
            Severity::Error,
            codes::CAT008,
            "dest_schema",
            format!(
                "the schema {schema} is the one of the source {}",
                other.name
            ),
            "choose another dest_schema",
        ));
    }
}

/// Whoever works for the source already. Ours is as it should be, where this host is meant to.
async fn check_sessions(
    cx: &Context,
    client: &Client,
    own: Option<&SourceRow>,
    findings: &mut Vec<Finding>,
) -> Result<(), HostError> {
    if let Some(own) = own
        && let Some(session) = sessions::replica_holder(client, own.id).await?
    {
        findings.push(finding(
            Severity::Info,
            codes::CAT012,
            cx.name(),
            format!(
                "a replica of the source is running: {}",
                session_text(&session)
            ),
            "nothing has to be done; another one would be refused",
        ));
    }
    let predecessors = sessions::predecessor_sessions(client).await?;
    for found in sessions::may_work_for(&predecessors, cx.name()) {
        findings.push(finding(
            Severity::Warning,
            codes::CAT013,
            cx.name(),
            format!(
                "pg_chameleon 1.x is running: {}",
                session_text(&found.session)
            ),
            "stop it before this program starts: chameleon.py stop_replica",
        ));
    }
    Ok(())
}
