//! All challenges of one GPU, many times over: how often an honest card raises an alarm, and how far measurements spread.
//!
//! `challenge [--gpu 0] [--runs 200] [--memory-share 0.9] [--small 2000000000] [--passes 8] [--seconds 60] [--json FILE]`. It ends by itself
//! within `--seconds`: every loop looks at the clock, and a watchdog ends what does not. Without a GPU it says so and ends well.

use gpu_compute::{
    GpuError,
    challenge::{
        Challenger, Spans, fingerprint, judge,
        memory::{Memory, Questions},
        seed_of,
    },
};
use gpu_probe::{
    Options, Probe,
    finding::{Finding, Report, Verdict},
    identity::{self, CudaView, Host, Spent},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    process, thread,
    time::{Duration, Instant},
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Runs that warm the card up and do not count.
const WARMING: u32 = 5;

/// What was asked for.
struct Arguments {
    gpu: usize,
    runs: u32,
    share: f64,
    small: u64,
    passes: u32,
    seconds: u64,
    json: Option<String>,
}

impl Arguments {
    fn parse() -> Result<Self> {
        let mut these =
            Self { gpu: 0, runs: 200, share: 0.9, small: 2_000_000_000, passes: 8, seconds: 60, json: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} lacks its value"))?;
            match name.as_str() {
                "--gpu" => these.gpu = value.parse()?,
                "--runs" => these.runs = value.parse()?,
                "--memory-share" => these.share = value.parse()?,
                "--small" => these.small = value.parse()?,
                "--passes" => these.passes = value.parse()?,
                "--seconds" => these.seconds = value.parse()?,
                "--json" => these.json = Some(value),
                _ => return Err(format!("{name} is no argument of this").into()),
            }
        }
        Ok(these)
    }
}

/// What was measured under one name, run after run.
#[derive(Default)]
struct Series(BTreeMap<String, Vec<f64>>);

impl Series {
    fn add(&mut self, name: impl Into<String>, value: f64) {
        self.0.entry(name.into()).or_default().push(value);
    }

    fn print(&self) {
        let heads = ["runs", "least", "5 %", "median", "95 %", "most"].map(|head| format!("{head:>10}"));
        println!("\n{:<28} {}", "", heads.join(" "));
        for (name, values) in &self.0 {
            let shares =
                [0.0, 0.05, 0.5, 0.95, 1.0].map(|share| format!("{:>10.4}", quantile(values, share)));
            println!("{name:<28} {:>10} {}", values.len(), shares.join(" "));
        }
    }
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// Runs and alarms by check.
#[derive(Default)]
struct Alarms {
    runs: BTreeMap<String, (u32, u32)>,
    reasons: Vec<String>,
}

impl Alarms {
    fn add(&mut self, what: &str, finding: &Finding) {
        let (runs, alarms) = self.runs.entry(what.into()).or_default();
        *runs += 1;
        if finding.verdict == Verdict::Suspicious {
            *alarms += 1;
            self.reasons.push(finding.to_string());
        }
    }

    fn print(&self) {
        println!("\nalarms");
        for (what, (runs, alarms)) in &self.runs {
            println!("  {what}: {alarms} of {runs}");
        }
        self.reasons.iter().take(10).for_each(|reason| println!("  {reason}"));
    }
}

struct Session {
    arguments: Arguments,
    begun: Instant,
    challenger: Challenger,
    series: Series,
    alarms: Alarms,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    let begun = Instant::now();
    watch(Duration::from_secs(arguments.seconds + 5));
    let challenger = match Challenger::open(arguments.gpu) {
        Ok(challenger) => challenger,
        Err(GpuError::NoDriver | GpuError::NoDevice(_)) => {
            println!("no GPU here: nothing was measured");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    println!("{:?}, opened in {:.1} s", challenger.facts(), begun.elapsed().as_secs_f64());
    let (series, alarms) = (Series::default(), Alarms::default());
    let mut session = Session { arguments, begun, challenger, series, alarms };
    let report = session.everything();
    // What was measured before something failed is worth having.
    session.series.print();
    session.alarms.print();
    println!("\n{:.1} s in all", session.begun.elapsed().as_secs_f64());
    let report = report?;
    println!("\n{report}");
    session.save(&report)
}

/// Ends the process, whatever hangs in it.
fn watch(limit: Duration) {
    thread::spawn(move || {
        thread::sleep(limit);
        eprintln!("not done after {limit:?}: ended");
        process::exit(3);
    });
}

impl Session {
    fn everything(&mut self) -> Result<Report> {
        let options = Options::default();
        let mut probe = Probe::open(&options);
        let cuda = CudaView::from(self.challenger.facts());
        let seen = probe.gpu_identities();
        println!("NVML: {seen:?}");
        let (driver, nvml) = match seen {
            Ok((driver, gpus)) => (driver, Ok(gpus)),
            Err(why) => (String::new(), Err(why)),
        };
        let host = Host::look(&options, driver, nvml);
        let mut findings = identity::cross_check(&cuda, &host, &[]);
        findings.iter().for_each(|finding| {
            println!("{finding}");
            self.alarms.add("identity", finding);
        });
        let energy = |probe: &mut Probe| {
            let (_, gpus) = probe.gpu_identities().ok()?;
            gpus.into_iter().find(|gpu| gpu.uuid == Some(cuda.uuid()))?.energy_mj
        };
        let (before, since) = (energy(&mut probe), Instant::now());
        let done = self.fingerprints(&mut findings)?;
        let spent = Spent {
            operations: f64::from(done) * fingerprint::OPERATIONS,
            energy_mj: (before, energy(&mut probe)),
            seconds: since.elapsed().as_secs_f64(),
        };
        let spent = identity::energy(&spent);
        self.alarms.add("energy", &spent);
        findings.push(spent);
        self.challenger.forget()?;
        let large = (self.challenger.free()? as f64 * self.arguments.share) as u64;
        self.memory("large", large, 3, 0.6)?;
        self.challenger.forget()?;
        self.memory("small", self.arguments.small, self.arguments.runs, 0.95)?;
        findings.extend(self.large(large));
        Ok(Report { gpu: cuda.uuid(), findings })
    }

    /// Whether this share of the time is over.
    fn over(&self, share: f64) -> bool {
        self.begun.elapsed().as_secs_f64() > self.arguments.seconds as f64 * share
    }

    /// How many there were, those that warm up among them; the last one's finding.
    fn fingerprints(&mut self, findings: &mut Vec<Finding>) -> Result<u32> {
        let name = self.challenger.facts().name.clone();
        let mut last = None;
        let mut done = 0;
        for run in 0..self.arguments.runs + WARMING {
            if self.over(0.35) {
                break;
            }
            let print = self.challenger.fingerprint(&self.seed(run), 4)?;
            done += 1;
            if run < WARMING {
                continue;
            }
            let (rates, [int8, fp16, cache]) = (print.rates, print.rates.ratios());
            for (name, value) in [
                ("int8 T/s", rates.int8 / 1e12),
                ("fp16 T/s", rates.fp16 / 1e12),
                ("memory TB/s", rates.memory / 1e12),
                ("cache TB/s", rates.cache / 1e12),
                ("ratio int8", int8),
                ("ratio fp16", fp16),
                ("ratio cache", cache),
                ("run ms", print.host.as_secs_f64() * 1e3),
            ] {
                self.series.add(format!("fingerprint {name}"), value);
            }
            let finding = judge::fingerprint(&name, &rates, print.verified);
            self.alarms.add("fingerprint", &finding);
            last = Some(finding);
        }
        findings.extend(last);
        Ok(done)
    }

    /// Memory challenges of one size, each opened and checked.
    fn memory(&mut self, size: &str, bytes: u64, runs: u32, share: f64) -> Result<()> {
        let name = self.challenger.facts().name.clone();
        for run in 0..runs {
            if self.over(share) {
                break;
            }
            let challenge = Memory::filling(bytes, self.arguments.passes, self.seed(1 << 16 | run))?;
            let done = self.challenger.memory(&challenge)?;
            self.note(size, &challenge, &done.spans);
            let asked = Instant::now();
            let questions = Questions::draw(&challenge, &done.digest, &self.seed(run), 20, 1);
            let given = self.challenger.disclose(&questions)?.ok_or("nothing to disclose")?;
            self.series.add(format!("{size} disclose ms"), asked.elapsed().as_secs_f64() * 1e3);
            let asked = Instant::now();
            let checked = challenge.verify(&done.digest, &questions, &given);
            self.series.add(format!("{size} verify ms"), asked.elapsed().as_secs_f64() * 1e3);
            let answer = given.blocks.iter().chain(&given.walks).map(Vec::len).sum::<usize>();
            self.series.add(format!("{size} answer KB"), answer as f64 / 1e3);
            let finding = judge::memory(&name, &challenge, done.spans.host, Duration::ZERO, checked);
            self.alarms.add(&format!("memory, {size}"), &finding);
        }
        Ok(())
    }

    fn note(&mut self, size: &str, challenge: &Memory, spans: &Spans) {
        let Spans { fill_ms, hash_ms, walk_ms, host } = *spans;
        let (bytes, ms) = (challenge.bytes() as f64, host.as_secs_f64() * 1e3);
        let moved = |bytes: f64, ms: f32| bytes / (f64::from(ms) * 1e9);
        // Three reads and a write; one read; and what is left.
        let walks = challenge.traffic() as f64 - 5.0 * bytes;
        for (name, value) in [
            ("GB", bytes / 1e9),
            ("fill ms", f64::from(fill_ms)),
            ("hash ms", f64::from(hash_ms)),
            ("walk ms", f64::from(walk_ms)),
            ("host ms", ms),
            ("fill TB/s", moved(4.0 * bytes, fill_ms)),
            ("hash TB/s", moved(bytes, hash_ms)),
            ("walk TB/s", moved(walks, walk_ms)),
            ("all TB/s", challenge.traffic() as f64 / (ms * 1e9)),
        ] {
            self.series.add(format!("{size} {name}"), value);
        }
    }

    /// What the report says of memory: the large runs' median.
    fn large(&self, bytes: u64) -> Option<Finding> {
        let times = self.series.0.get("large host ms")?;
        let challenge = Memory::filling(bytes, self.arguments.passes, self.seed(0)).ok()?;
        let took = Duration::from_secs_f64(quantile(times, 0.5) / 1e3);
        Some(judge::memory(&self.challenger.facts().name, &challenge, took, Duration::ZERO, Ok(())))
    }

    fn seed(&self, run: u32) -> [u8; 32] {
        let mut draw = [0; 32];
        draw[..4].copy_from_slice(&run.to_le_bytes());
        seed_of(&draw, &[0; 32], &self.challenger.facts().uuid)
    }

    fn save(&self, report: &Report) -> Result<()> {
        let Some(file) = &self.arguments.json else { return Ok(()) };
        let facts = self.challenger.facts();
        let alarms: BTreeMap<&String, Value> = (self.alarms.runs.iter())
            .map(|(what, (runs, alarms))| (what, json!({ "runs": runs, "alarms": alarms })))
            .collect();
        let gpu = json!({
            "name": facts.name,
            "multiprocessors": facts.multiprocessors,
            "l2": facts.l2,
            "bus_bits": facts.bus_bits,
            "memory": facts.memory,
        });
        let report = serde_json::to_value(report)?;
        let (series, reasons) = (&self.series.0, &self.alarms.reasons);
        let json =
            json!({ "gpu": gpu, "report": report, "series": series, "alarms": alarms, "reasons": reasons });
        Ok(std::fs::write(file, serde_json::to_string_pretty(&json)?)?)
    }
}
