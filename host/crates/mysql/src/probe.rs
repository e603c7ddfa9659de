//! Questions about the source's rows, each with a limit of time.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Row, Value};

use crate::{Flavor, SourceConn, SourceError};

/// Error numbers of a statement that a limit ended: of MariaDB, of MySQL.
const TIME_IS_UP: [u16; 2] = [1969, 3024];

impl SourceConn {
    /// Ends every SELECT of the session that takes longer than `limit`, from now on.
    ///
    /// # Errors
    /// What the source says.
    pub async fn limit_time(&mut self, limit: Duration) -> Result<(), SourceError> {
        let set = match self.server_info().flavor {
            Flavor::MySql => format!("set session max_execution_time = {}", limit.as_millis()),
            Flavor::MariaDb => {
                format!("set session max_statement_time = {}", limit.as_secs_f64())
            }
        };
        self.run("limit the time of questions", &set).await
    }

    /// The rows of a query as text, in order: cells that are NULL or no UTF-8 are `None`. The answer
    /// must be small. `None`: the limit of time ended the query.
    ///
    /// # Errors
    /// What the source says.
    pub async fn probe(
        &mut self,
        what: &str,
        sql: &str,
    ) -> Result<Option<Vec<Vec<Option<String>>>>, SourceError> {
        let work = self.conn.query::<Row, _>(sql);
        match Self::answer(what, &self.address, self.read_timeout, work).await {
            Ok(rows) => Ok(Some(rows.into_iter().map(texts).collect())),
            Err(error) if error.errno().is_some_and(|n| TIME_IS_UP.contains(&n)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn texts(row: Row) -> Vec<Option<String>> {
    let cells = row.unwrap_raw().into_iter();
    cells
        .map(|cell| match cell {
            Some(Value::Bytes(bytes)) => String::from_utf8(bytes).ok(),
            _ => None,
        })
        .collect()
}
