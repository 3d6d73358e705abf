//! The agent's program over a software TPM, without a chain.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod host;

use host::{Host, exit_code, stderr, wait_until};
use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    time::{Duration, Instant},
};

#[test]
fn a_second_agent_is_refused_and_the_first_one_named() {
    let host = Host::new();
    let agent = host.start();
    let pid = agent.pid();
    let second = host.command(&["run"]).output().unwrap();
    assert_eq!(exit_code(&second), 3, "{}", stderr(&second));
    assert!(stderr(&second).contains(&format!("pid {pid}")), "{}", stderr(&second));
    let enroll = host.command(&["enroll", "--token", &host.token()]).output().unwrap();
    assert_eq!(exit_code(&enroll), 3, "{}", stderr(&enroll));
}

#[test]
fn sigterm_ends_in_order_and_a_kill_is_told_as_a_crash() {
    let host = Host::new();
    let agent = host.start();
    host.wait_for_records(8);
    agent.terminate();
    let last = host.records().pop().unwrap();
    assert_eq!((&last["kind"], &last["body"]["reason"]), (&"gap".into(), &"Stopped".into()));
    assert_eq!(last["body"]["from_ms"], last["body"]["to_ms"]);

    let before = host.records().len();
    let agent = host.start();
    host.wait_for_records(before + 4);
    agent.kill();
    assert_eq!(host.records()[before]["body"]["reason"], "Stopped");

    let before = host.records().len();
    let agent = host.start();
    host.wait_for_records(before + 1);
    agent.terminate();
    assert_eq!(host.records()[before]["body"]["reason"], "Crashed");
}

#[test]
fn the_log_begins_with_host_chips_and_boot() {
    let host = Host::new();
    let agent = host.start();
    wait_until("a boot record", || host.records_if_any().iter().any(|record| record["kind"] == "boot"));
    agent.terminate();
    let records = host.records();
    let kinds: Vec<&str> = records.iter().map(|record| record["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds[1]), ("join", "chip"));
    let status = host.status();
    let boot = records.iter().find(|record| record["kind"] == "boot").unwrap();
    assert_eq!(boot["body"]["device_key"], status["device"]);
    assert_eq!(records[0]["body"]["machine"], status["machine"]);
}

/// Whatever the agent had said was in the log is in it after a kill at any moment.
#[test]
fn kills_at_any_moment_lose_nothing() {
    let host = Host::new();
    let mut seen: Vec<serde_json::Value> = Vec::new();
    for round in 0..12u64 {
        let agent = host.start();
        // Not random, but different each time, and never in step with the sampling.
        let until = Instant::now() + Duration::from_millis(700 + round * 137 % 900);
        while Instant::now() < until {
            let now = host.records_if_any();
            assert_eq!(now.get(..seen.len()), Some(&seen[..]), "round {round}");
            seen = now;
        }
        agent.kill();
        assert_eq!(host.json(&["log", "verify"])["records"].as_u64(), Some(host.records().len() as u64));
    }
    assert!(seen.len() > 24, "{}", seen.len());
}

#[test]
fn a_log_is_read_proven_and_exported() {
    let host = Host::new();
    let agent = host.start();
    host.wait_for_records(10);
    let live = host.dir().join("live");
    wait_until("a signed head", || host.file("checkpoint").is_file());
    host.json(&["log", "export", "--out", live.to_str().unwrap()]);
    assert!(live.join("checkpoint").is_file() && live.join("tile/0").is_dir());
    agent.terminate();

    let size = host.json(&["log", "verify"])["records"].as_u64().unwrap();
    let shown = host.json(&["log", "show", "3"]);
    let proof = host.json(&["log", "prove", "3"]);
    assert_eq!(proof["leaf_hash"], shown["leaf_hash"]);
    assert_eq!(proof["size"], size);
    let out = host.dir().join("export");
    let export = host.json(&["log", "export", "--out", out.to_str().unwrap()]);
    assert_eq!((&export["size"], &export["root"]), (&size.into(), &proof["root"]));
    let replayed = evidence::log::replay(&out, size, |_, _| Ok(())).unwrap();
    assert_eq!(hex::encode(replayed.root()), export["root"]);
    let (origin, device) = host.origin_and_device();
    let note = fs::read_to_string(out.join("checkpoint")).unwrap();
    assert_eq!(attest::checkpoint::verify(&note, &origin, &device).unwrap().size, size);
    // Without the checkpoint that the agent left, the TPM signs.
    fs::remove_file(host.file("checkpoint")).unwrap();
    let again = host.dir().join("again");
    assert_eq!(host.json(&["log", "export", "--out", again.to_str().unwrap()])["size"], size);
    let missing = host.command(&["log", "show", "999999"]).output().unwrap();
    assert_eq!(exit_code(&missing), 1);
}

#[test]
fn status_answers_while_the_agent_runs_and_after() {
    let host = Host::new();
    let before = host.command(&["status"]).output().unwrap();
    assert_eq!(exit_code(&before), 4, "{}", stderr(&before));
    let agent = host.start();
    wait_until("a fresh snapshot", || host.status()["agent"]["last_window_ms"].is_u64());
    let status = host.status();
    assert_eq!(status["running"], agent.pid());
    assert_eq!(status["enrolment"], "none");
    assert_eq!(status["anchors"], serde_json::json!([]));
    // There is no chain here, and it says so.
    assert_eq!(status["verdict"], "running, with trouble");
    assert!(status["agent"]["troubles"]["chain"]["what"].as_str().unwrap().contains("chain"));
    agent.terminate();
    assert_eq!(host.status()["verdict"], "not running");
}

#[test]
fn the_tpm_may_be_away_at_first_and_later() {
    let mut host = Host::new();
    host.tpm.power_cut().unwrap();
    let agent = host.start();
    wait_until("trouble with the TPM", || host.status()["agent"]["troubles"]["tpm"].is_object());
    host.tpm.start().unwrap();
    host.wait_for_records(4);
    agent.terminate();

    host.tpm.power_cut().unwrap();
    let before = host.records().len();
    let agent = host.start();
    host.wait_for_records(before + 6);
    wait_until("trouble with the TPM", || host.status()["agent"]["troubles"]["tpm"].is_object());
    host.tpm.start().unwrap();
    wait_until("no trouble with the TPM", || {
        let status = host.status();
        status["agent"].is_object() && status["agent"]["troubles"]["tpm"].is_null()
    });
    agent.terminate();
}

#[test]
fn changed_pcrs_make_a_new_device_key() {
    let host = Host::new();
    host.start_and_stop();
    let old = host.status()["device"].clone();
    host.with_tpm(|tpm| tpm.extend_pcr(4, &[7; 32]));
    host.start_and_stop();
    let new = host.status()["device"].clone();
    assert_ne!(old, new);
    let boots: Vec<_> = host.records().into_iter().filter(|record| record["kind"] == "boot").collect();
    assert_eq!((&boots[0]["body"]["device_key"], &boots[1]["body"]["device_key"]), (&old, &new));
    assert_ne!(boots[0]["body"]["pcr_digest"], boots[1]["body"]["pcr_digest"]);
    // Nothing changed since: the same key, and no third record.
    host.start_and_stop();
    assert_eq!(host.status()["device"], new);
    assert_eq!(host.records().into_iter().filter(|record| record["kind"] == "boot").count(), 2);
}

#[test]
fn a_cleared_tpm_stops_the_agent_and_says_what_to_do() {
    let host = Host::new();
    host.start_and_stop();
    host.with_tpm(|tpm| tpm.clear());
    let run = host.command(&["run"]).output().unwrap();
    assert_eq!(exit_code(&run), 4, "{}", stderr(&run));
    assert!(stderr(&run).contains("enroll --token"), "{}", stderr(&run));
    let doctor = host.command(&["doctor", "--json"]).output().unwrap();
    let findings: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let keys = findings.as_array().unwrap().iter().find(|finding| finding["subject"] == "keys").unwrap();
    assert_eq!(keys["state"], "bad");
}

#[test]
fn another_machines_state_folder_is_refused() {
    let host = Host::new();
    host.start_and_stop();
    let other = Host::new();
    fs::create_dir_all(other.state()).unwrap();
    fs::copy(host.file("identity.json"), other.file("identity.json")).unwrap();
    let run = other.command(&["run"]).output().unwrap();
    assert_eq!(exit_code(&run), 4, "{}", stderr(&run));
    assert!(stderr(&run).contains("another machine"), "{}", stderr(&run));
}

#[test]
fn damaged_files_are_named_and_a_failing_start_leaves_the_log_alone() {
    let host = Host::new();
    host.start_and_stop();
    let before = host.records().len();
    for (file, text) in [
        ("outbox.redb", "no database"),
        ("anchors.jsonl", "{\n"),
        ("identity.json", "{"),
        ("checkpoint", "x\n"),
    ] {
        let (path, kept) = (host.file(file), host.file("kept"));
        fs::rename(&path, &kept).unwrap();
        fs::write(&path, text).unwrap();
        for _ in 0..2 {
            let run = host.command(&["run"]).output().unwrap();
            assert_eq!(exit_code(&run), 5, "{}", stderr(&run));
            assert!(stderr(&run).contains(file), "{}", stderr(&run));
        }
        if file != "outbox.redb" {
            let status = host.command(&["status"]).output().unwrap();
            assert_eq!(exit_code(&status), 5, "{}", stderr(&status));
        }
        fs::rename(&kept, &path).unwrap();
    }
    assert_eq!(host.records().len(), before);
    let segment = fs::read_dir(host.file("log")).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let whole = fs::read(&segment).unwrap();
    fs::write(&segment, &whole[..20]).unwrap();
    let run = host.command(&["run"]).output().unwrap();
    assert_eq!(exit_code(&run), 5, "{}", stderr(&run));
    let doctor = host.command(&["doctor"]).output().unwrap();
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("signed or anchored"));
    let out = host.dir().join("out");
    let out = out.to_str().unwrap();
    for reading in [
        &["log", "verify"][..],
        &["log", "list"],
        &["log", "show", "0"],
        &["log", "prove", "0"],
        &["log", "export", "--out", out],
        &["report", "--html", out],
        &["status"],
    ] {
        let read = host.command(reading).output().unwrap();
        assert_eq!(exit_code(&read), 5, "{reading:?}: {}", stderr(&read));
        assert!(stderr(&read).contains("signed or anchored"), "{reading:?}: {}", stderr(&read));
    }
    assert!(!host.dir().join("out").exists(), "nothing was written");
    // A bit that flipped in the middle of what was written.
    let mut bytes = whole.clone();
    bytes[whole.len() / 2] ^= 1;
    fs::write(&segment, bytes).unwrap();
    for reading in [
        &["run"][..],
        &["log", "verify"],
        &["log", "list", "--from", "0"],
        &["log", "export", "--out", out],
        &["status"],
        &["report", "--html", out],
    ] {
        let read = host.command(reading).output().unwrap();
        assert_eq!(exit_code(&read), 5, "{reading:?}: {}", stderr(&read));
        assert!(stderr(&read).contains(segment.to_str().unwrap()), "{reading:?}: {}", stderr(&read));
    }
    let doctor = host.command(&["doctor"]).output().unwrap();
    let doctor = String::from_utf8_lossy(&doctor.stdout);
    assert!(doctor.contains(segment.to_str().unwrap()) && doctor.contains("from a copy"), "{doctor}");
}

/// Whoever asks is told, with a chain or without, until the machine is enrolled anew.
#[test]
fn a_lost_log_is_told_wherever_somebody_asks() {
    let host = Host::new();
    host.start_and_stop();
    let signed = host.records().len();
    let identity = fs::read_to_string(host.file("identity.json")).unwrap();
    let enrolled =
        identity.replace("\"enrolment\": \"none\"", "\"enrolment\": {\"enrolled\": {\"epoch\": 0}}");
    assert_ne!(enrolled, identity);
    fs::write(host.file("identity.json"), enrolled).unwrap();
    fs::remove_dir_all(host.file("log")).unwrap();
    let verify = host.command(&["log", "verify"]).output().unwrap();
    assert_eq!(exit_code(&verify), 5, "{}", stderr(&verify));
    let told = format!("{signed} records had been signed");
    for _ in 0..2 {
        let agent = host.start();
        wait_until("the agent's word", || host.status()["agent"]["troubles"]["anchor"].is_object());
        let status = host.status();
        assert_eq!(status["verdict"], "running, with trouble");
        assert!(status["agent"]["troubles"]["anchor"]["what"].as_str().unwrap().contains(&told), "{status}");
        agent.terminate();
        let status = host.command(&["status"]).output().unwrap();
        assert_eq!(exit_code(&status), 4, "{}", stderr(&status));
        assert!(
            String::from_utf8_lossy(&status.stdout).contains(&told) && stderr(&status).contains("enroll")
        );
        let doctor = host.command(&["doctor"]).output().unwrap();
        assert!(String::from_utf8_lossy(&doctor.stdout).contains(&told));
        let out = host.dir().join("out");
        for reading in [&["log", "verify"][..], &["log", "export", "--out", out.to_str().unwrap()]] {
            let read = host.command(reading).output().unwrap();
            assert_eq!(exit_code(&read), 0, "{reading:?}: {}", stderr(&read));
            let said = String::from_utf8_lossy(&read.stdout).into_owned();
            assert!(
                said.contains("follows one that was lost") && said.contains(&told),
                "{reading:?}: {said}"
            );
        }
    }
}

#[test]
fn nobody_who_listens_on_stderr_changes_nothing() {
    let host = Host::new();
    for (arguments, code) in [
        (&["status"][..], 4),
        (&["log", "show", "999999"], 1),
        (&["nonsense"], 2),
        (&["--config", "/nonexistent.toml", "status"], 2),
    ] {
        let full: std::process::Stdio = fs::File::options().write(true).open("/dev/full").unwrap().into();
        let (reader, closed) = std::io::pipe().unwrap();
        drop(reader);
        for stream in [full, closed.into()] {
            let mut command = match arguments.first() {
                Some(&"--config") => host.bare(arguments),
                _ => host.command(arguments),
            };
            // The word of warning about a variable that nobody knows, too.
            let run = command.env("MATRIXAI_NOPE", "1").stderr(stream).stdout(std::process::Stdio::null());
            assert_eq!(run.status().unwrap().code(), Some(code), "{arguments:?}");
        }
    }
}

#[test]
fn a_folder_whose_name_is_no_text_is_written_to() {
    let host = Host::new();
    host.start_and_stop();
    let out = host.dir().join(OsStr::from_bytes(b"\xff"));
    for command in [&["log", "export", "--out"][..], &["report", "--html"]] {
        let file = out.join(command[0]);
        fs::create_dir_all(&out).unwrap();
        let done = host.command(command).arg(&file).arg("--json").output().unwrap();
        assert_eq!(exit_code(&done), 0, "{command:?}: {}", stderr(&done));
        assert!(file.exists());
    }
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let host = Host::new();
    host.start_and_stop();
    for command in [&["log", "list"][..], &["log", "verify", "--json"], &["top", "--once"]] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let run = host.command(command).stdout(full).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let run = run.wait_with_output().unwrap();
        assert_eq!(exit_code(&run), 1, "{command:?}");
        assert!(stderr(&run).contains("standard output"), "{}", stderr(&run));
    }
    let nothing = host.command(&["log", "list", "--limit", "0"]).output().unwrap();
    assert!(nothing.status.success() && nothing.stdout.is_empty());
    let beyond = host.command(&["log", "prove", "0", "--size", "99999"]).output().unwrap();
    assert_eq!(exit_code(&beyond), 1);
    assert!(stderr(&beyond).contains("--size 99999"), "{}", stderr(&beyond));
    let beyond = host.command(&["log", "prove", "3", "--size", "2"]).output().unwrap();
    assert!(stderr(&beyond).contains("not among the first 2"), "{}", stderr(&beyond));
}

#[test]
fn a_slip_in_the_environment_is_told() {
    let host = Host::new();
    let output = host.command(&["status"]).env("MATRIXAI_ANCHOR_SECOND", "3").output().unwrap();
    assert!(stderr(&output).contains("MATRIXAI_ANCHOR_SECOND"), "{}", stderr(&output));
}

#[test]
fn the_doctor_finds_what_is_wrong_and_says_what_to_do() {
    let mut host = Host::new();
    let findings = |host: &Host| -> Vec<serde_json::Value> {
        let output = host.command(&["doctor", "--json"]).output().unwrap();
        assert_eq!(exit_code(&output), 1, "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let of = |findings: &[serde_json::Value], subject: &str| {
        findings
            .iter()
            .find(|finding| finding["subject"] == subject)
            .unwrap_or_else(|| panic!("{findings:?}"))
            .clone()
    };
    let well = findings(&host);
    assert_eq!(of(&well, "TPM")["state"], "fine");
    assert_eq!(of(&well, "EK")["state"], "fine");
    assert_eq!(of(&well, "folder")["state"], "fine");
    let chain = of(&well, "chain");
    assert_eq!(chain["state"], "bad");
    assert!(chain["advice"].as_str().unwrap().contains("chain_spec"));
    host.tpm.power_cut().unwrap();
    let ill = of(&findings(&host), "TPM");
    assert_eq!(ill["state"], "bad");
    assert!(ill["advice"].as_str().unwrap().contains("software TPM"));
    let text = host.command(&["doctor"]).output().unwrap();
    assert!(String::from_utf8_lossy(&text.stdout).contains("→"));
}

#[test]
fn wrong_configuration_and_usage_are_2() {
    let host = Host::new();
    for text in ["anchor_second = 3", "pcrs = [16]", "window_seconds = 0", "tpm = 3", "="] {
        fs::write(host.config(), text).unwrap();
        let status = host.command(&["status"]).output().unwrap();
        assert_eq!(exit_code(&status), 2, "{text}: {}", stderr(&status));
        assert!(!stderr(&status).contains("panicked"));
    }
    assert_eq!(exit_code(&host.command(&["nonsense"]).output().unwrap()), 2);
    assert_eq!(exit_code(&host.command(&["top", "--once", "--json"]).output().unwrap()), 2);
    fs::write(host.config(), "").unwrap();
    let no_text = OsStr::from_bytes(b"\xff");
    for (name, value) in [
        ("MATRIXAI_STATE_DIR", OsStr::new("")),
        ("MATRIXAI_STATE_DIR", no_text),
        ("MATRIXAI_TPM", OsStr::new("foo:bar")),
        ("MATRIXAI_WINDOW_SECONDS", OsStr::new("99999999999")),
        ("MATRIXAI_LOG", OsStr::new("!!!")),
        ("MATRIXAI_LOG", no_text),
    ] {
        let status = host.command(&["status"]).env(name, value).current_dir(host.dir()).output().unwrap();
        assert_eq!(exit_code(&status), 2, "{name}: {}", stderr(&status));
        let key = name.trim_start_matches("MATRIXAI_");
        assert!(stderr(&status).to_uppercase().contains(key), "{}", stderr(&status));
    }
    let missing = host.bare(&["--config", "/nonexistent.toml", "status"]).output().unwrap();
    assert_eq!(exit_code(&missing), 2);
}

#[test]
fn the_environment_overrides_the_file() {
    let host = Host::new();
    let elsewhere = host.dir().join("elsewhere");
    let mut command = host.command(&["status", "--json"]);
    let output =
        command.env("MATRIXAI_STATE_DIR", &elsewhere).env("MATRIXAI_PCRS", "[0, 7]").output().unwrap();
    assert_eq!(exit_code(&output), 4, "{}", stderr(&output));
    let output = command.env("MATRIXAI_PCRS", "[17]").output().unwrap();
    assert_eq!(exit_code(&output), 2, "{}", stderr(&output));
}

#[test]
fn a_token_that_is_none_is_refused_before_anything_is_made() {
    let host = Host::new();
    fs::write(host.dir().join("bad"), "not a token").unwrap();
    let bad = host.dir().join("bad");
    let enroll = host.command(&["enroll", "--token", bad.to_str().unwrap()]).output().unwrap();
    assert_eq!(exit_code(&enroll), 1);
    assert!(stderr(&enroll).contains("matrixai token create"), "{}", stderr(&enroll));
    assert!(!host.state().exists());
}

#[test]
fn no_secret_is_told_or_written() {
    let host = Host::new();
    // A file that is no specification: found out only when the light client starts, after the keys are made.
    let enroll = host
        .command(&["enroll", "--token", &host.token()])
        .env("MATRIXAI_CHAIN_SPEC", host.config())
        .env("MATRIXAI_LOG", "trace")
        .output()
        .unwrap();
    // There is no chain: the local half is done, the rest fails and says why.
    assert_eq!(exit_code(&enroll), 1);
    assert!(stderr(&enroll).contains("chain"), "{}", stderr(&enroll));
    let seed = host.device_seed();
    let token = host::TOKEN.repeat(32);
    let told = [enroll.stdout.clone(), enroll.stderr.clone()].concat();
    for secret in [hex::encode(seed), token] {
        assert!(!String::from_utf8_lossy(&told).contains(&secret));
    }
    for file in host.state_files() {
        let bytes = fs::read(&file).unwrap();
        let hex = hex::encode(seed);
        assert!(!bytes.windows(32).any(|window| window == seed), "{}", file.display());
        assert!(!bytes.windows(64).any(|window| window == hex.as_bytes()), "{}", file.display());
    }
}
