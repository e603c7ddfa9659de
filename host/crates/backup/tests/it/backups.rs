//! Making and verifying backups.

use std::os::unix::fs::PermissionsExt;

use chameleon_backup::{AtBest, Backup, BackupError, Means, Out, create, create_verified};
use chameleon_backup::{table_sums, verify, verify_by};
use chameleon_diag::Diagnostic;

use crate::support::{ORPHANS, drop_catalog, in_database, run, scratch_databases};

fn code(error: &BackupError) -> &'static str {
    error.code().as_str()
}

#[tokio::test]
async fn a_backup_is_two_private_files_that_agree_with_the_catalog() {
    in_database(|place| async move {
        place.old_catalog().await;
        let out = Out::Directory(place.directory.path().join("backup"));
        let verified = create_verified(&place.options, &out).await.unwrap();
        assert_eq!(verified.differences, [""; 0]);
        let manifest = &verified.backup.manifest;
        assert_eq!(manifest.version, "1.2");
        assert_eq!(manifest.tables, table_sums(&place.c).await.unwrap());
        let rows = |name: &str| {
            manifest
                .tables
                .iter()
                .find(|t| t.name == name)
                .unwrap()
                .rows
        };
        assert_eq!((rows("t_log_replica"), rows("t_log_replica_2")), (0, 40));
        let src1 = &manifest.sources[0];
        assert_eq!((src1.position, src1.waiting_rows), (Some(400), 50));
        assert_eq!(src1.batches, [2, 3, 4]);
        let archive = &verified.backup.path;
        let mut files = vec![archive.parent().unwrap().to_owned(), archive.clone()];
        files.push(format!("{}.manifest.json", archive.display()).into());
        let modes = files
            .iter()
            .map(|file| std::fs::metadata(file).unwrap().permissions().mode() & 0o777);
        assert_eq!(modes.collect::<Vec<_>>(), [0o700, 0o600, 0o600]);
        let entries = std::fs::read_dir(&files[0]).unwrap().count();
        assert_eq!(entries, 2, "nothing unfinished is left");
        assert_eq!(Backup::open(&files[2]).await.unwrap(), verified.backup);
    })
    .await;
}

#[tokio::test]
async fn every_means_finds_a_sound_backup_sound_and_a_false_manifest_false() {
    in_database(|place| async move {
        place.old_catalog().await;
        let mut backup = place.backup().await;
        let live = Some(&place.options);
        for at_best in [
            AtBest::Archive,
            AtBest::ScratchDatabase,
            AtBest::ScratchServer,
        ] {
            let verified = verify_by(&backup, live, at_best).await.unwrap();
            let by = match verified.by {
                Means::Archive => AtBest::Archive,
                Means::ScratchDatabase => AtBest::ScratchDatabase,
                Means::ScratchServer(_) => AtBest::ScratchServer,
            };
            assert_eq!(
                (by, verified.differences),
                (at_best, vec![]),
                "{:?}",
                verified.passed_over
            );
        }
        assert_eq!(place.lines(&scratch_databases()).await, [""; 0]);

        let mut tables = backup.manifest.tables.iter_mut();
        let log = tables.find(|t| t.name == "t_log_replica_1").unwrap();
        log.rows += 1;
        backup.manifest.functions[0].sha256.push('0');
        for at_best in [AtBest::Archive, AtBest::ScratchServer] {
            let verified = verify_by(&backup, live, at_best).await.unwrap();
            let said = verified.differences.join("\n");
            assert!(
                said.contains("t_log_replica_1 has 10 rows, not 11"),
                "{said}"
            );
            let function = said.contains("fn_process_batch(integer, integer) has another body");
            assert_eq!(function, at_best == AtBest::ScratchServer, "{said}");
        }
    })
    .await;
}

#[tokio::test]
async fn checksums_do_not_depend_on_the_order_of_rows_and_see_every_change() {
    in_database(|place| async move {
        place.old_catalog().await;
        let before = table_sums(&place.c).await.unwrap();
        let reorder = "create temp table t as select * from sch_chameleon.t_log_replica_2; \
             truncate sch_chameleon.t_log_replica_2; \
             insert into sch_chameleon.t_log_replica_2 select * from t order by i_id_event desc";
        run(&place.c, reorder).await;
        assert_eq!(table_sums(&place.c).await.unwrap(), before);
        let change = "update sch_chameleon.t_log_replica_2 \
             set jsb_event_data = jsb_event_data || '{\"v\": \"x\"}' where i_id_event = 7";
        run(&place.c, change).await;
        let after = table_sums(&place.c).await.unwrap();
        let differing = after.iter().zip(&before).filter(|(a, b)| a != b);
        let names: Vec<_> = differing.map(|(a, _)| a.name.as_str()).collect();
        assert_eq!(names, ["t_log_replica_2"]);
    })
    .await;
}

#[tokio::test]
async fn a_damaged_or_incomplete_backup_is_told() {
    in_database(|place| async move {
        place.old_catalog().await;
        let path = place.file("x.dump");
        let manifest = place.file("x.dump.manifest.json");
        let out = Out::File(path.clone());
        create(&place.options, &out).await.unwrap();
        let again = create(&place.options, &out).await.unwrap_err();
        assert_eq!(code(&again), "BAK005");

        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let error = Backup::open(&path).await.unwrap_err();
        assert_eq!(code(&error), "BAK007", "{error}");
        bytes.truncate(middle);
        std::fs::write(&path, &bytes).unwrap();
        let error = Backup::open(&path).await.unwrap_err();
        assert_eq!(code(&error), "BAK007", "{error}");
        std::fs::write(&manifest, "{}").unwrap();
        let error = Backup::open(&path).await.unwrap_err();
        assert_eq!(code(&error), "BAK006", "{error}");
        std::fs::remove_file(&manifest).unwrap();
        let error = Backup::open(&path).await.unwrap_err();
        assert_eq!(code(&error), "BAK006", "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_catalog_of_ours_is_backed_up_too_and_none_is_told() {
    in_database(|place| async move {
        let out = Out::File(place.file("none.dump"));
        let error = create(&place.options, &out).await.unwrap_err();
        assert_eq!(code(&error), "CAT001");
        place.old_catalog().await;
        place.new_catalog().await;
        let backup = place.backup().await;
        assert_eq!(backup.manifest.version, "1.3");
        let verified = verify(&backup, None).await.unwrap();
        assert_eq!(verified.differences, [""; 0]);
        drop_catalog(&place.c).await;
    })
    .await;
}

#[tokio::test]
async fn rows_that_break_a_foreign_key_are_backed_up_and_told() {
    in_database(|place| async move {
        place.old_catalog().await;
        run(&place.c, ORPHANS).await;
        let backup = place.backup().await;
        let live = Some(&place.options);
        for at_best in [AtBest::ScratchDatabase, AtBest::ScratchServer] {
            let verified = verify_by(&backup, live, at_best).await.unwrap();
            assert_eq!(verified.differences, [""; 0], "{at_best:?}");
            let broken = verified.broken_keys.iter();
            let broken = broken.map(|k| (k.table.as_str(), k.constraint.as_str(), k.rows));
            assert_eq!(
                broken.collect::<Vec<_>>(),
                [("t_log_replica_1", "fk_replica_batch_1", 7)]
            );
            assert_eq!(verified.broken_keys[0].finding().code.as_str(), "BAK023");
        }
    })
    .await;
}
