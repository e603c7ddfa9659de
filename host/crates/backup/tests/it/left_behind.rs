//! Scratch databases of programs that were interrupted.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use chameleon_backup::{AtBest, Means, verify_by};

use crate::support::{Place, in_database, run, scratch_databases};

/// A program that lives until it is dropped.
struct Living(Child);

impl Drop for Living {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A process id that no process has.
fn gone() -> u32 {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

/// The scratch databases of this process, once it is so many and no session is in one.
async fn scratch(place: &Place, wanted: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = place.lines(&scratch_databases()).await;
        let used = "select count(*) from pg_stat_activity where datname = any(array(";
        let used = format!("{used}{}))", scratch_databases());
        let ended = wanted > 0 && place.value::<i64>(&used).await > 0;
        if found.len() == wanted && !ended {
            return found;
        }
        assert!(Instant::now() < deadline, "{found:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_an_interrupted_verification_leaves_goes_with_the_next_one() {
    in_database(|place| async move {
        place.old_catalog().await;
        let backup = place.backup().await;
        let live = Some(&place.options);
        let verify = || verify_by(&backup, live, AtBest::ScratchDatabase);
        let made = async {
            let deadline = Instant::now() + Duration::from_secs(20);
            while place.lines(&scratch_databases()).await.is_empty() {
                assert!(Instant::now() < deadline, "no scratch database");
            }
        };
        // the program ends as soon as it has made its database
        tokio::select! {
            verified = verify() => panic!("it has ended: {verified:?}"),
            () = made => {}
        }
        let left = scratch(&place, 1).await.remove(0);
        let own = std::process::id().to_string();
        let machine = left.rsplit_once('_').unwrap().1;
        let living = Living(Command::new("sleep").arg("600").spawn().unwrap());
        let of = |pid: u32, machine: &str| format!("chameleon_verify_{pid}_{machine}");
        // of a process that is gone, of one that lives, and of one that may live on another machine
        let removed = of(gone(), machine);
        let kept = [of(living.0.id(), machine), of(gone(), "00000000")];
        run(
            &place.c,
            &format!("alter database {left} rename to {removed}"),
        )
        .await;
        for name in &kept {
            run(&place.c, &format!("create database {name}")).await;
        }
        assert!(left.contains(&own) && !removed.contains(&own));

        let verified = verify().await.unwrap();
        assert_eq!(
            (verified.by, verified.differences),
            (Means::ScratchDatabase, vec![]),
            "{:?}",
            verified.passed_over
        );
        let names = format!(
            "select datname::text from pg_database where datname in ('{}', '{removed}')",
            kept.join("', '")
        );
        let mut found = place.lines(&names).await;
        for name in &kept {
            run(&place.c, &format!("drop database if exists {name}")).await;
        }
        found.sort();
        let mut kept = kept;
        kept.sort();
        assert_eq!(found, kept);
        assert_eq!(scratch(&place, 0).await, [""; 0]);
    })
    .await;
}
