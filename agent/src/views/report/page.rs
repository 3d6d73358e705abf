//! The page itself. Whatever came from outside goes through [`Escaped`].

use super::{
    chart::{self, Series, Stretch},
    digest::{BUCKETS, Bucket, ChipDigest, Digest, ends_with_a_start},
    draws::Names,
};
use crate::{
    gap::Length,
    identity::{Enrolment, Identity},
    render, replay,
    views::words,
};
use attest::{
    Hash,
    record::{Chip, ChipKind, ChipState, Gap},
};
use std::fmt::{self, Display, Write};

/// Rows of a table.
pub const ROWS: usize = 20;

/// Gaps that are shaded in each chip's chart.
const SHADED: usize = 100;

/// What is not in the log's records.
pub struct About<'a> {
    /// Who the machine is.
    pub identity: Option<&'a Identity>,
    /// Records in the whole log.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// When the page was made, ms since 1970.
    pub now_ms: u64,
    /// Jobs that are configured.
    pub names: Names,
}

/// Somebody else's text, as HTML has it: in elements and in quoted attributes.
pub struct Escaped<'a>(pub &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                character if character.is_control() => {}
                character => out.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// All of it.
pub fn page(digest: &Digest, about: &About<'_>) -> String {
    let parts = [
        head(digest, about),
        cards(digest, about),
        timeline(digest, about),
        chips(digest),
        anchors(digest, about),
        gaps(digest),
        drilling(digest),
        digest.draws.sections(&about.names),
        findings(digest),
        LIMITS.into(),
        check(about),
    ];
    parts.concat() + "</main></body></html>\n"
}

fn head(digest: &Digest, about: &About<'_>) -> String {
    let machine = about.identity.map(|identity| hex::encode(identity.machine));
    let machine = machine.or_else(|| digest.join.as_ref().map(|join| hex::encode(join.machine)));
    let machine = machine.unwrap_or_else(|| "unknown".into());
    let enrolment = match about.identity.map(|identity| identity.enrolment) {
        Some(Enrolment::Enrolled { epoch }) => format!("enrolled on chain, epoch {epoch}"),
        Some(Enrolment::Requested { .. }) => "enrolment requested".into(),
        Some(Enrolment::None) | None => "not enrolled: nothing is anchored".into(),
    };
    let host = digest.join.as_ref().map_or_else(String::new, |join| {
        let memory = words::mib(join.memory_mib);
        format!(
            "{} processors, {memory} of memory, kernel {}, agent {}",
            join.cpus,
            Escaped(&join.kernel),
            Escaped(&join.agent)
        )
    });
    let banner = digest.replay().map_or_else(String::new, |recording| {
        format!(
            "<p class=\"replay\">{}: the GPUs on this page are a recording that was played back, not chips of this machine. {}</p>",
            replay::source(Some(recording)).to_uppercase(),
            Escaped(recording)
        )
    });
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Activity of machine {short}</title><style>{style}</style></head>\
         <body><main><h1>Activity of machine {short}</h1><p class=\"dim\">{from} to {to} UTC, made {now} UTC from the machine's own log</p>\
         {banner}<p>Machine <code>{machine}</code>, {enrolment}. {host}</p>",
        short = machine.get(..12).unwrap_or(&machine),
        style = include_str!("style.css"),
        from = minute(digest.from_ms),
        to = minute(digest.to_ms),
        now = minute(about.now_ms),
    )
}

/// UTC, to the minute.
pub fn minute(ms: u64) -> String {
    let time = render::time(ms);
    time.get(..time.len() - 3).unwrap_or(&time).into()
}

fn card(out: &mut String, value: &str, name: &str) {
    // Writing to a string cannot fail, here and below.
    let _ = write!(out, "<div class=\"card\"><b>{}</b><span>{}</span></div>", Escaped(value), Escaped(name));
}

fn percent_of(part: u128, whole: u128) -> String {
    let permille = part.saturating_mul(1000).checked_div(whole).unwrap_or(0).min(1000);
    words::percent(u16::try_from(permille).unwrap_or(1000)) + " %"
}

fn cards(digest: &Digest, about: &About<'_>) -> String {
    let mut out = String::from("<div class=\"cards\">");
    let covered: u64 = digest.covered().iter().sum();
    card(
        &mut out,
        &percent_of(covered.into(), (digest.to_ms - digest.from_ms).into()),
        "of the time is recorded",
    );
    let gpus: Vec<&ChipDigest> =
        digest.chips.iter().filter(|((kind, _), _)| *kind == 0).map(|(_, chip)| chip).collect();
    let energy: u64 = gpus.iter().filter_map(|gpu| gpu.energy_mj).fold(0, u64::saturating_add);
    if gpus.iter().any(|gpu| gpu.energy_mj.is_some()) {
        card(&mut out, &words::energy(energy), "used by GPUs, as logged");
    }
    let mean = |of: fn(&Bucket) -> Option<u64>| {
        let told: Vec<u64> = gpus.iter().filter_map(|gpu| of(&gpu.all)).collect();
        let sum: u64 = told.iter().sum();
        sum.checked_div(told.len() as u64)
            .and_then(|mean| u16::try_from(mean).ok())
            .map(|mean| words::percent(mean) + " %")
    };
    if let Some(busy) = mean(|all| all.busy.mean()) {
        card(&mut out, &busy, "GPUs busy while recorded");
    }
    if let Some(tensor) = mean(|all| all.tensor.mean()) {
        card(&mut out, &tensor, "tensor units active while recorded");
    }
    let anchors = if digest.anchors.count == 0 { "never".into() } else { words::count(digest.anchors.count) };
    card(&mut out, &anchors, "anchored in this period");
    if let Some((_, last)) = digest.anchors.latest.back() {
        card(
            &mut out,
            &percent_of(last.size.into(), about.size.into()),
            "of the log's records lie under the last anchor",
        );
    }
    card(&mut out, &words::count(digest.gaps.count), "gaps");
    card(&mut out, &words::count(digest.restarts), "restarts of the agent");
    if digest.drills.tasks > 0 {
        card(&mut out, &words::count(digest.drills.tasks), "tasks of the network done");
    }
    if !digest.draws.jobs.is_empty() {
        card(&mut out, &words::count(digest.draws.digests()), "digests of weights in drawn blocks");
    }
    if digest.draws.challenges.count > 0 {
        card(&mut out, &words::count(digest.draws.challenges.count), "challenges of the GPUs");
    }
    out + "</div>"
}

impl Digest {
    fn share(&self, ms: u64) -> f64 {
        ms.saturating_sub(self.from_ms) as f64 / (self.to_ms - self.from_ms).max(1) as f64
    }

    fn gap_stretches<'a>(&self) -> Vec<Stretch<'a>> {
        let gaps = self.gaps.latest.iter();
        gaps.map(|gap| {
            // One of unknown length is shown where it ended.
            let from = Length::of(gap).ms().map_or(gap.to_ms, |_| gap.from_ms);
            Stretch { class: "gap", from: self.share(from), to: self.share(gap.to_ms), title: gap_text(gap) }
        })
        .collect()
    }
}

fn gap_text(gap: &Gap) -> String {
    let reason = render::reason(gap.reason);
    match Length::of(gap) {
        Length::Known(ms) => format!("{reason}, {} from {} UTC", words::span(ms), minute(gap.from_ms)),
        length => format!("{reason}, {length}; until {} UTC", minute(gap.to_ms)),
    }
}

const DRAWN_KEY: &str = "<span><i class=\"snapshot\"></i>snapshot of weights</span><span><i class=\"challenge\"></i>challenge of the GPUs</span>\
<span><i class=\"amiss\"></i>missed, or not clear</span>";

fn timeline(digest: &Digest, about: &About<'_>) -> String {
    let step = 1.0 / BUCKETS as f64;
    let bucket_ms = digest.bucket_ms();
    let mut recorded: Vec<Stretch<'_>> = Vec::new();
    for (place, covered) in digest.covered().into_iter().enumerate().filter(|(_, covered)| *covered > 0) {
        let from = place as f64 * step;
        let to = from + step * (covered as f64 / bucket_ms).min(1.0);
        match recorded.last_mut() {
            Some(last) if (last.to - from).abs() < step / 20.0 => last.to = to,
            _ => recorded.push(Stretch { class: "recorded", from, to, title: "recorded".into() }),
        }
    }
    let moment = |class, ms, title| Stretch { class, from: digest.share(ms), to: digest.share(ms), title };
    let anchors = digest.anchors.latest.iter().map(|(ms, anchor)| {
        moment(
            "anchor",
            *ms,
            format!("anchor {} over {} records, {} UTC", anchor.counter, anchor.size, minute(*ms)),
        )
    });
    let starts = digest.gaps.latest.iter().filter(|gap| ends_with_a_start(gap));
    let starts = starts
        .map(|gap| moment("restart", gap.to_ms, format!("the agent started, {} UTC", minute(gap.to_ms))));
    let drills = digest.worth.iter().enumerate().filter(|(_, worth)| **worth > 0);
    let drills = drills.map(|(place, worth)| {
        let from = place as f64 * step;
        Stretch { class: "drill", from, to: from + step, title: format!("tasks worth {}", words::ut(*worth)) }
    });
    let mut rows = vec![
        ("records", recorded),
        ("gaps", digest.gap_stretches()),
        ("starts", starts.collect()),
        ("anchors", anchors.collect()),
        ("tasks", drills.collect()),
    ];
    let drawn = digest.draws.stretches(&about.names, |ms| digest.share(ms));
    let key = if drawn.is_empty() { "" } else { DRAWN_KEY };
    if !drawn.is_empty() {
        rows.push(("draws", drawn));
    }
    format!(
        "<h2>What happened when</h2>{}<p class=\"key\"><span><i class=\"recorded\"></i>recorded</span><span><i class=\"gap\"></i>gap</span>\
         <span><i class=\"restart\"></i>start of the agent</span><span><i class=\"anchor\"></i>anchor</span>\
         <span><i class=\"drill\"></i>task of the network</span>{key}<span>from {} to {} UTC, by the machine's clock</span></p>",
        chart::strip("What happened when", &rows),
        minute(digest.from_ms),
        minute(digest.to_ms)
    )
}

fn chips(digest: &Digest) -> String {
    let mut out = String::from("<h2>Chips</h2>");
    let mut gaps = digest.gap_stretches();
    // The strip above has them all.
    gaps.drain(..gaps.len().saturating_sub(SHADED));
    for ((_, index), chip) in &digest.chips {
        let Some(found) = &chip.chip else { continue };
        // Disks have no such lines.
        if found.kind != ChipKind::Disk {
            one_chip(&mut out, found, *index, chip, &gaps);
        }
    }
    out += &table_of_chips(digest);
    if digest.more_chips > 0 {
        out += "<p class=\"bad\">There are more chips than this page has room for.</p>";
    }
    out
}

fn one_chip(out: &mut String, found: &Chip, index: u16, chip: &ChipDigest, gaps: &[Stretch<'_>]) {
    let _ =
        write!(out, "<h3>{} {index}: {}</h3>", words::kind(found.kind).to_uppercase(), Escaped(&found.name));
    let caveat = words::caveat(found.kind, &found.state);
    let caveat = caveat.or_else(|| {
        chip.replay.as_ref().map(|recording| format!("REPLAY for some of the time: {recording}"))
    });
    if let Some(caveat) = caveat {
        let _ = write!(out, "<p class=\"bad\">{}</p>", Escaped(&caveat));
    }
    if chip.all.covered_ms == 0 {
        *out += "<p class=\"dim\">No readings in this period.</p>";
        return;
    }
    let most = chip
        .buckets
        .iter()
        .filter_map(|bucket| bucket.power_max.map(u64::from).max(bucket.power.mean()))
        .max();
    let scale = most.map_or_else(|| "100 %".into(), |most| format!("{} W", most.div_ceil(1000)));
    let share = |value: Option<u64>, whole: u64| value.map(|value| value as f64 / whole.max(1) as f64);
    let values = |of: &dyn Fn(&Bucket) -> Option<f64>| chip.buckets.iter().map(of).collect::<Vec<_>>();
    let series = [
        Series {
            class: "power",
            name: "power",
            values: values(&|bucket| share(bucket.power.mean(), most.unwrap_or(0).div_ceil(1000) * 1000)),
            filled: true,
        },
        Series {
            class: "memory",
            name: "memory",
            values: values(&|bucket| share(bucket.memory.mean(), 1000)),
            filled: false,
        },
        Series {
            class: "busy",
            name: "busy",
            values: values(&|bucket| share(bucket.busy.mean(), 1000)),
            filled: false,
        },
        Series {
            class: "tensor",
            name: "tensor units",
            values: values(&|bucket| share(bucket.tensor.mean(), 1000)),
            filled: false,
        },
    ];
    let told = series.iter().filter(|one| one.values.iter().any(Option::is_some));
    let key: String =
        told.map(|one| format!("<span><i class=\"{}\"></i>{}</span>", one.class, one.name)).collect();
    let label = format!("{} {index} over the period", words::kind(found.kind));
    *out += &chart::lines(&label, &scale, &series, gaps);
    let _ = write!(
        out,
        "<p class=\"key\">{key}<span><i class=\"gap\"></i>no records</span><span>shares: 0 to 100 %{}</span></p>",
        if most.is_some() { format!("; power: 0 to {scale}") } else { String::new() }
    );
}

fn table_of_chips(digest: &Digest) -> String {
    let mut out = String::from(
        "<div class=\"scroll\"><table><tr><th>chip</th><th>name</th><th>id</th><th>driver</th><th class=\"n\">mean power</th><th class=\"n\">energy</th>\
         <th class=\"n\">busy</th><th class=\"n\">tensor</th><th class=\"n\">hottest</th><th class=\"n\">memory errors</th><th class=\"n\">samples failed</th></tr>",
    );
    let told = |value: Option<String>| value.unwrap_or_else(|| "not told".into());
    let share = |value: Option<u64>| {
        told(value.and_then(|value| u16::try_from(value).ok()).map(|value| words::percent(value) + " %"))
    };
    for ((_, index), chip) in &digest.chips {
        let Some(found) = &chip.chip else { continue };
        let state = if found.state == ChipState::Present {
            String::new()
        } else {
            format!(" ({})", words::state(&found.state))
        };
        let _ = write!(
            out,
            "<tr><td>{} {index}{state}</td><td>{}</td><td><code>{}</code></td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{} of {}</td></tr>",
            words::kind(found.kind),
            Escaped(&found.name),
            Escaped(&found.id),
            Escaped(&found.driver),
            told(chip.all.power.mean().map(|power| format!("{} W", power / 1000))),
            told(chip.energy_mj.map(words::energy)),
            share(chip.all.busy.mean()),
            share(chip.all.tensor.mean()),
            told(chip.temperature.map(|degrees| format!("{degrees} °C"))),
            told(chip.ecc_errors.map(words::count)),
            words::count(chip.samples.1),
            words::count(chip.samples.0),
        );
    }
    out + "</table></div>"
}

fn anchors(digest: &Digest, about: &About<'_>) -> String {
    let mut out = String::from("<h2>Anchors</h2>");
    if digest.anchors.count == 0 {
        return out + "<p>None in this period: nothing here is bound to the chain.</p>";
    }
    let _ = write!(
        out,
        "<p>Each anchor is the TPM's signature over the log's root and a recent block, kept by the chain: from then on no record before it can be changed, \
         removed or reordered unnoticed. The log has {} records now. The latest of {}:</p>\
         <table><tr><th>seen final</th><th class=\"n\">counter</th><th class=\"n\">records</th><th class=\"n\">younger than block</th><th>root</th></tr>",
        words::count(about.size),
        words::count(digest.anchors.count)
    );
    for (ms, anchor) in digest.anchors.latest.iter().rev().take(ROWS) {
        let _ = write!(
            out,
            "<tr><td>{} UTC</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td><code>{}…</code></td></tr>",
            minute(*ms),
            anchor.counter,
            words::count(anchor.size),
            anchor.block_number,
            render::short(&anchor.root)
        );
    }
    out + "</table>"
}

fn gaps(digest: &Digest) -> String {
    let mut out = String::from("<h2>Gaps and restarts</h2>");
    if digest.gaps.count == 0 {
        out += "<p>The log tells of no gap in this period.</p>";
    } else {
        let sums = digest.reasons.iter().map(|(reason, gaps)| {
            let all = if gaps.unmeasured == 0 { " in all" } else { "" };
            format!("{} × {reason} ({}{all})", gaps.count, gaps.length())
        });
        let _ = write!(
            out,
            "<p>{}. The latest:</p><table><tr><th>from (UTC)</th><th>to</th><th>length</th><th>why</th></tr>",
            sums.collect::<Vec<_>>().join(", ")
        );
        for gap in digest.gaps.latest.iter().rev().take(ROWS) {
            let length = Length::of(gap);
            let from =
                if length == Length::BeginningUnknown { "not known".into() } else { minute(gap.from_ms) };
            let _ = write!(
                out,
                "<tr><td>{from}</td><td>{}</td><td>{length}</td><td>{}</td></tr>",
                minute(gap.to_ms),
                render::reason(gap.reason)
            );
        }
        out += "</table>";
    }
    let boots = digest.boots.len();
    let _ = write!(
        out,
        "<p>Records were written in {boots} boot{} of the host.</p>",
        if boots == 1 { "" } else { "s" }
    );
    if digest.clock_back > 0 {
        let _ = write!(
            out,
            "<p class=\"bad\">The clock went back {} times: times on this page are the machine's own claim.</p>",
            digest.clock_back
        );
    }
    if digest.unknown > 0 {
        let _ = write!(
            out,
            "<p>{} records are of a later version of the agent, and not told here.</p>",
            digest.unknown
        );
    }
    out
}

fn drilling(digest: &Digest) -> String {
    let drills = &digest.drills;
    if drills.tasks == 0 {
        return String::from("<h2>Work for the network</h2><p>No tasks done in this period.</p>");
    }
    format!(
        "<h2>Work for the network</h2><p>{} tasks done, worth {} by the chain's measure, in {} of work. That is what the machine logged; what the chain \
         credited is on the chain: <code>matrixai ecp</code>.</p>",
        words::count(drills.tasks),
        words::ut(drills.micro_ut),
        words::span(drills.ms)
    )
}

fn findings(digest: &Digest) -> String {
    if digest.verdicts.is_empty() {
        return String::new();
    }
    let counts: Vec<String> =
        digest.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let mut out = format!(
        "<h2>Checks of the GPUs</h2><p>What driver, kernel and bus say of each GPU, compared at each start: {}.</p>",
        counts.join(", ")
    );
    if digest.findings.count > 0 {
        out += "<table><tr><th>when (UTC)</th><th>GPU</th><th>check</th><th>verdict</th><th>why</th></tr>";
        for (ms, finding) in digest.findings.latest.iter().rev().take(ROWS) {
            let (check, verdict) = (format!("{:?}", finding.check), format!("{:?}", finding.verdict));
            let _ = write!(
                out,
                "<tr><td>{}</td><td>{}</td><td>{check}</td><td>{verdict}</td><td>{}</td></tr>",
                minute(*ms),
                finding.gpu,
                Escaped(&finding.reason)
            );
        }
        out += "</table>";
    }
    out
}

const LIMITS: &str = "<h2>What this page shows, and what it cannot prove</h2><ul>\
<li>It shows what the machine's agent wrote into its log. What lies under an anchor was there before that anchor's block, and was not changed since.</li>\
<li>It does <b>not</b> prove that the readings are true. The machine measured itself: whoever has root on it can feed the agent a false driver.</li>\
<li>It does <b>not</b> prove what the work was, for whom, or that it was useful. A chip can be kept busy with nothing; tensor activity, power and energy are harder to fake \
than utilisation, and all of them can be.</li>\
<li>It does <b>not</b> prove that the log is complete. Gaps that the agent knows of are shown; time without records is time of which nothing is known.</li>\
<li>Times are the machine's own clock. Only an anchor's block says when at the latest.</li>\
<li>A file like this one can be edited by anybody. What counts is the log and the chain: check them as below.</li></ul>";

fn check(about: &About<'_>) -> String {
    format!(
        "<h2>Check it yourself</h2><p>Ask for the exports of <code>matrixai-agent evidence export --out evidence</code> and <code>matrixai-agent log export --out log</code>, then:</p>\
         <p><code>matrixai --chain chain.json machines show ID --json &gt; machine.json</code></p>\
         <p><code>matrixai-inspector verify --evidence evidence/evidence.json --log log --roots roots --machine machine.json</code></p>\
         <p class=\"dim\">This page was made from {} records with root <code>{}</code>.</p>",
        words::count(about.size),
        hex::encode(about.root)
    )
}
