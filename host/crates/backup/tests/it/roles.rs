//! With a role that is no superuser and owns the catalog, as users have it.

use chameleon_backup::rollback::{Request, Way, rollback};
use chameleon_backup::{AtBest, Means, verify_by};
use chameleon_postgres::connect;

use crate::support::{in_database, run};

#[tokio::test]
async fn a_plain_owner_can_back_up_verify_and_roll_back() {
    in_database(|mut place| async move {
        let role = format!("role_{}", place.options.database);
        let make = format!(
            "create role {role} login password 'it''s \"secret\"'; \
             grant create on database {} to {role}; \
             alter role {role} set statement_timeout = '10ms'; \
             alter role {role} set idle_in_transaction_session_timeout = '10ms'",
            place.options.database
        );
        run(&place.c, &make).await;
        let admin = place.session("admin").await;
        place.options.user = role.clone();
        place.options.password = "it's \"secret\"".into();
        place.c = connect(&place.options).await.unwrap();
        run(&place.c, "set statement_timeout = 0").await;
        place.old_catalog().await;
        run(&place.c, "grant usage on schema sch_chameleon to public").await;
        let backup = place.backup().await;
        let verified = verify_by(&backup, Some(&place.options), AtBest::ScratchDatabase).await;
        let verified = verified.unwrap();
        assert_eq!(
            (verified.by, verified.differences),
            (Means::Archive, vec![])
        );
        assert!(
            verified.passed_over[0].contains("42501"),
            "{:?}",
            verified.passed_over
        );

        place.new_catalog().await;
        let done = rollback(&place.options, &backup, Request::default())
            .await
            .unwrap();
        assert_eq!(done.way, Way::Verbatim);
        let rights = "select format('%s %s', nspowner::regrole, nspacl) from pg_namespace \
             where nspname = 'sch_chameleon'";
        let expected = format!("{role} {{{role}=UC/{role},=U/{role}}}");
        assert_eq!(place.value::<String>(rights).await, expected);
        drop(place.c);
        run(&admin, &format!("reassign owned by {role} to current_user")).await;
        run(&admin, &format!("drop owned by {role}; drop role {role}")).await;
    })
    .await;
}
