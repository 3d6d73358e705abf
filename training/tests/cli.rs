//! The program as people and scripts run it: exit codes, what it writes over, what it does when it is killed or cannot write.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use safetensors::tensor::{Dtype, TensorView};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use training::digest::Digest;

const ORDER: &str = r#"
order = "cli"
batch = 16
epochs = EPOCHS
classes = 3
input = [6]
optimiser = { kind = "sgd", momentum = "0.9", weight_decay = "0" }
schedule = { kind = "cosine", rate = "0.05", last = "0" }
layers = [{ kind = "dense", name = "a", outputs = 24 }, { kind = "relu" }, { kind = "dense", name = "b", outputs = 3 }]
"#;

/// An order with its data in a folder.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new(epochs: u64) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        data(&desk.at("train"), 96, 1);
        data(&desk.at("validation"), 48, 2);
        fs::write(desk.at("order.toml"), ORDER.replace("EPOCHS", &epochs.to_string())).unwrap();
        desk
    }

    /// An order whose training is done.
    fn trained(epochs: u64) -> Self {
        let desk = Self::new(epochs);
        assert!(desk.terms("07").status.success());
        assert!(desk.train().output().unwrap().status.success());
        desk
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_training"));
        program.args(arguments).current_dir(self.0.path());
        program
    }

    fn terms(&self, byte: &str) -> Output {
        let randomness = byte.repeat(32);
        let mut terms =
            self.program(&["terms", "order.toml", "--data", "train", "--validation", "validation"]);
        terms.args(["--randomness", &randomness, "--out", "terms"]).output().unwrap()
    }

    fn train(&self) -> Command {
        self.program(&["train", "terms", "--data", "train", "--out", "package"])
    }

    fn verify(&self, more: &[&str]) -> Command {
        let mut verify = self.program(&["verify", "package"]);
        verify.args(more);
        verify
    }

    fn fully(&self, more: &[&str]) -> Command {
        let mut verify = self.verify(&["--data", "train", "--validation", "validation", "--terms", "terms"]);
        verify.args(more);
        verify
    }
}

/// Six numbers that show the class, under noise.
fn data(path: &Path, samples: usize, seed: u8) {
    let draw = |at: usize| Digest::of(&[&[seed], &(at as u64).to_le_bytes()]).0;
    let labels: Vec<u8> = (0..samples).map(|at| draw(at)[0] % 3).collect();
    let x: Vec<u8> = (0..samples)
        .flat_map(|at| {
            let draw = draw(at);
            (0..6).map(move |i| draw[i + 1] / 2 + 120 * u8::from(i % 3 == usize::from(draw[0] % 3)))
        })
        .collect();
    let x = TensorView::new(Dtype::U8, vec![samples, 6], &x).unwrap();
    let y = TensorView::new(Dtype::U8, vec![samples], &labels).unwrap();
    safetensors::serialize_to_file([("x", x), ("y", y)], None, path).unwrap();
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn exit_codes_are_those_of_the_help() {
    let desk = Desk::trained(12);
    let consistent = desk.fully(&[]).output().unwrap();
    assert_eq!(code(&consistent), 0, "{}", String::from_utf8_lossy(&consistent.stdout));
    assert!(consistent.stderr.is_empty(), "{}", errors(&consistent));
    // What is left out is said, and is no success.
    assert_eq!(code(&desk.verify(&["--data", "train", "--validation", "validation"]).output().unwrap()), 6);
    let unmeasured = desk.verify(&["--terms", "terms", "--data", "train"]).output().unwrap();
    assert_eq!(code(&unmeasured), 3);
    assert!(
        unmeasured.stdout.starts_with(b"NOT MEASURED"),
        "{}",
        String::from_utf8_lossy(&unmeasured.stdout)
    );
    assert_eq!(code(&desk.fully(&["--intervals", "0", "--largest", "2"]).output().unwrap()), 3);
    assert_eq!(code(&desk.fully(&["--intervals", "0", "--largest", "0"]).output().unwrap()), 3);
    assert_eq!(code(&desk.fully(&["--intervals", "-1"]).output().unwrap()), 2);
    assert_eq!(code(&desk.program(&["verify", "nothing", "--json"]).output().unwrap()), 4);
    assert_eq!(code(&desk.program(&["show", "nothing"]).output().unwrap()), 4);
    let swapped = desk.verify(&["--data", "validation"]).output().unwrap();
    assert_eq!(code(&swapped), 4);
    assert!(errors(&swapped).contains("not the data that the terms commit to"), "{}", errors(&swapped));
    let unreadable = desk.program(&["verify", "train", "--json"]).output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&unreadable.stdout).unwrap();
    assert_eq!(told["verdict"], "unreadable");
    let told = desk.fully(&["--json"]).output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((&told["verdict"], told["rules"].as_array().unwrap().len()), (&"consistent".into(), 6));
}

#[test]
fn terms_that_are_there_are_not_written_over() {
    let desk = Desk::trained(2);
    let before = fs::read(desk.at("terms/terms.json")).unwrap();
    assert!(desk.terms("07").status.success(), "the same again is no change");
    let other = desk.terms("08");
    assert_eq!(code(&other), 4);
    assert!(errors(&other).contains("holds other terms"), "{}", errors(&other));
    assert_eq!(fs::read(desk.at("terms/terms.json")).unwrap(), before);
    assert_eq!(code(&desk.fully(&[]).output().unwrap()), 0);
}

#[test]
fn a_killed_training_goes_on_and_is_consistent() {
    let desk = Desk::new(200);
    assert!(desk.terms("07").status.success());
    let mut killed = desk.train().stdout(Stdio::null()).spawn().unwrap();
    while !desk.at("package/checkpoints/0000000012.safetensors").exists() {
        std::thread::yield_now();
        assert!(killed.try_wait().unwrap().is_none(), "it ended before it was killed");
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    // The same command while another writes would be another matter; here the first is gone.
    assert_eq!(code(&desk.fully(&[]).output().unwrap()), 5, "unfinished");
    let on = desk.train().output().unwrap();
    assert!(on.status.success(), "{}", errors(&on));
    assert_eq!(code(&desk.fully(&[]).output().unwrap()), 0);
    assert!(errors(&desk.train().output().unwrap()).contains("finished"));
}

#[test]
fn the_report_is_whole_or_not_there_and_its_place_is_looked_at_first() {
    let desk = Desk::trained(2);
    let nowhere = desk.fully(&["--report", "missing/report.html"]).output().unwrap();
    assert_eq!((code(&nowhere), nowhere.stdout.is_empty()), (4, true), "{}", errors(&nowhere));
    let folder = desk.fully(&["--report", "terms"]).output().unwrap();
    assert!(code(&folder) == 4 && errors(&folder).contains("is a folder"), "{}", errors(&folder));
    let before = fs::read_dir(desk.0.path()).unwrap().count();
    assert_eq!(code(&desk.fully(&["--report", "report.html"]).output().unwrap()), 0);
    assert!(fs::read_to_string(desk.at("report.html")).unwrap().ends_with("</html>\n"));
    assert_eq!(fs::read_dir(desk.0.path()).unwrap().count(), before + 1, "nothing else is left");
    // What is no file is written to, and stays what it is.
    let page = desk.fully(&["--report", "/dev/stdout"]).output().unwrap();
    assert!(
        code(&page) == 0 && String::from_utf8_lossy(&page.stdout).contains("</html>"),
        "{}",
        errors(&page)
    );
}

#[test]
fn what_cannot_be_printed_is_an_error_and_a_reader_that_left_is_none() {
    let desk = Desk::trained(2);
    let full = || Stdio::from(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    for mut command in [desk.fully(&[]), desk.fully(&["--json"]), desk.program(&["show", "package"])] {
        let output = command.stdout(full()).output().unwrap();
        assert_eq!(code(&output), 4, "{}", errors(&output));
        assert!(errors(&output).contains("No space left"), "{}", errors(&output));
    }
    let mut left = desk.fully(&["--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(left.stdout.take());
    let left = left.wait_with_output().unwrap();
    assert_eq!((code(&left), errors(&left)), (0, String::new()));
}

#[test]
fn a_package_may_have_more_checkpoints_than_a_process_open_files() {
    let desk = Desk::trained(100);
    let program = env!("CARGO_BIN_EXE_training");
    let verify = format!(
        "ulimit -n 40; exec {program} verify package --terms terms --data train --validation validation"
    );
    let output = Command::new("sh").args(["-c", &verify]).current_dir(desk.0.path()).output().unwrap();
    assert_eq!(code(&output), 0, "{}{}", errors(&output), String::from_utf8_lossy(&output.stdout));
}

#[test]
fn whoever_may_read_the_manifest_may_read_the_checkpoints() {
    let desk = Desk::trained(1);
    let mode = |name: &str| fs::metadata(desk.at(name)).unwrap().permissions();
    let manifest = mode("package/manifest.json");
    assert_eq!(mode("package/checkpoints/0000000006.safetensors"), manifest);
    assert_eq!(mode("terms/init.safetensors"), manifest);
}

#[test]
fn what_a_package_says_moves_no_cursor() {
    let desk = Desk::new(1);
    let order = fs::read_to_string(desk.at("order.toml")).unwrap();
    fs::write(desk.at("order.toml"), order.replace("\"cli\"", "\"a\\u001b[2Jb\"")).unwrap();
    assert!(desk.terms("07").status.success());
    assert!(desk.train().output().unwrap().status.success());
    let shown = desk.program(&["show", "package"]).output().unwrap();
    assert!(shown.status.success() && !shown.stdout.contains(&0x1b));
    let page = desk.fully(&["--report", "report.html", "--json"]).output().unwrap();
    assert_eq!(clean(&page), "", "{}", errors(&page));
    assert!(!fs::read(desk.at("report.html")).unwrap().contains(&0x1b));
    // What is wrong with it is told in its own words, too.
    let name = "optimiser/\u{1b}]0;title\u{7}\u{9b}31m\nConsistent/momentum";
    let header =
        serde_json::json!({ name: { "dtype": "F32", "shape": [1], "data_offsets": [0, 4] } }).to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&f32::NAN.to_le_bytes());
    replace(&desk, "checkpoints/0000000000.safetensors", &bytes);
    for more in [&[][..], &["--json"]] {
        let refused = desk.fully(more).output().unwrap();
        assert_eq!((code(&refused), &*clean(&refused)), (4, ""), "{}", errors(&refused));
        assert!(errors(&refused).contains("title"), "{}", errors(&refused));
    }
}

/// The characters that would move a terminal, of all that was printed; and lines that are not the program's.
fn clean(output: &Output) -> String {
    let printed = [&output.stdout[..], &output.stderr].concat();
    let printed = String::from_utf8(printed).unwrap();
    assert!(!printed.lines().any(|line| line.starts_with("Consistent/")), "{printed}");
    printed.chars().filter(|one| one.is_control() && *one != '\n').collect()
}

/// Puts other bytes into a package, and says so in its manifest.
fn replace(desk: &Desk, name: &str, bytes: &[u8]) {
    use training::package::{ChunkTree, Manifest, Part};
    let (path, manifest) = (desk.at("package").join(name), desk.at("package/manifest.json"));
    fs::write(&path, bytes).unwrap();
    let root = ChunkTree::of(&Part::open(&path, name).unwrap()).unwrap().root().unwrap();
    let mut told = Manifest::decode(&fs::read(&manifest).unwrap()).unwrap();
    let entry = told.checkpoints.iter_mut().find(|entry| entry.file.name == name).unwrap();
    (entry.file.bytes, entry.file.root) = (bytes.len() as u64, root);
    fs::write(&manifest, told.encode().unwrap()).unwrap();
}

#[test]
fn what_is_read_beside_a_package_is_a_regular_file_of_a_bounded_size() {
    let desk = Desk::trained(1);
    let made = Command::new("mkfifo").arg(desk.at("pipe")).status().unwrap();
    assert!(made.success());
    fs::File::create(desk.at("large")).unwrap().set_len(1 << 40).unwrap();
    for (file, why) in [("/dev/zero", "not a plain file"), ("pipe", "not a plain file"), ("large", "at most")]
    {
        let randomness = "07".repeat(32);
        let more = ["--validation", "validation", "--randomness", &randomness, "--out", "other"];
        let order = [&["terms", file, "--data", "train"][..], &more].concat();
        let graph = [&["terms", "order.toml", "--data", "train", "--graph", file][..], &more].concat();
        for arguments in [&["verify", "package", "--terms", file][..], &order, &graph] {
            let refused = desk.program(arguments).output().unwrap();
            assert_eq!(code(&refused), 4, "{arguments:?}: {}", errors(&refused));
            assert!(errors(&refused).contains(why), "{arguments:?}: {}", errors(&refused));
        }
    }
}

#[test]
fn outputs_that_are_full_or_closed_change_no_more_than_is_documented() {
    let desk = Desk::trained(12);
    let fully = "verify package --data train --validation validation --terms terms";
    let [full, closed, printed] =
        [" 2>/dev/full", " >&- 2>&-", " >/dev/full 2>&1"].map(|where_to| format!("{fully}{where_to}"));
    let told = [
        ("verify nothing 2>/dev/full", 4),
        ("verify nothing 2>&-", 4),
        ("verify nothing >&- 2>&-", 4),
        ("show nothing 2>/dev/full", 4),
        (full.as_str(), 0),
        (closed.as_str(), 0),
        (printed.as_str(), 4),
        ("verify --nonsense 2>/dev/full", 2),
    ];
    for (arguments, expected) in told {
        let line = format!("exec {} {arguments}", env!("CARGO_BIN_EXE_training"));
        let status = Command::new("sh").args(["-c", &line]).current_dir(desk.0.path()).status().unwrap();
        assert_eq!(status.code(), Some(expected), "{arguments}");
    }
}

#[test]
fn a_report_is_not_written_over_what_is_verified() {
    let desk = Desk::trained(2);
    fs::rename(desk.at("package"), desk.at("first")).unwrap();
    assert!(desk.train().output().unwrap().status.success());
    let held = ["package/manifest.json", "first/model.onnx", "train", "validation", "terms/terms.json"];
    for place in held.iter().chain(&["first/checkpoints/0000000006.safetensors", "package/report.html"]) {
        let before = fs::read(desk.at(place)).ok();
        let refused = desk.fully(&["--report", place]).output().unwrap();
        assert_eq!((code(&refused), refused.stdout.is_empty()), (4, true), "{place}: {}", errors(&refused));
        assert!(errors(&refused).contains("write the report elsewhere"), "{place}: {}", errors(&refused));
        assert_eq!(fs::read(desk.at(place)).ok(), before, "{place}");
    }
    let beside = desk.fully(&["--report", "missing/report.html"]).output().unwrap();
    assert!(
        errors(&beside).contains("missing/report.html: the folder for it is not there"),
        "{}",
        errors(&beside)
    );
    // Neither are an order's terms.
    let before = fs::read(desk.at("package/model.onnx")).unwrap();
    let randomness = "07".repeat(32);
    let mut terms = desk.program(&["terms", "order.toml", "--data", "train", "--validation", "validation"]);
    let refused = terms.args(["--randomness", &randomness, "--out", "package"]).output().unwrap();
    assert!(code(&refused) == 4 && errors(&refused).contains("holds a package"), "{}", errors(&refused));
    assert_eq!(fs::read(desk.at("package/model.onnx")).unwrap(), before);
}

#[test]
fn a_manifest_has_no_chunks_and_that_is_said() {
    let desk = Desk::trained(1);
    assert!(desk.program(&["chunk", "package", "model.onnx", "0"]).output().unwrap().status.success());
    let refused = desk.program(&["chunk", "package", "manifest.json", "0"]).output().unwrap();
    assert!(code(&refused) == 4 && errors(&refused).contains("has none itself"), "{}", errors(&refused));
}
