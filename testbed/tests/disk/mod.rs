//! The agent's disk is full for a while.

use anyhow::{Context, Result, ensure};
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::Duration,
};
use testbed::Stage;

/// Room for what the agent has, and for some minutes more.
const SIZE: &str = "size=48m";

/// A small file system laid over a folder, with the folder's files on it. They go back when it goes away.
struct Small {
    at: PathBuf,
    kept: PathBuf,
}

impl Small {
    /// None where this user may not mount.
    fn over(folder: &Path) -> Result<Option<Self>> {
        let kept = folder.with_added_extension("beside");
        fs::rename(folder, &kept)?;
        fs::create_dir(folder)?;
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "tmpfs"]).arg(folder).output()?;
        let small = Self { at: folder.into(), kept };
        if !mounted.status.success() {
            fs::remove_dir(folder)?;
            fs::rename(&small.kept, folder)?;
            std::mem::forget(small);
            return Ok(None);
        }
        copy(&small.kept, folder)?;
        Ok(Some(small))
    }

    /// Takes the rest of the room, to the last byte.
    fn fill(&self) -> Result<PathBuf> {
        let path = self.at.join("filler");
        let mut filler = File::create(&path)?;
        for chunk in [&[0; 1 << 16][..], &[0; 64][..]] {
            while filler.write_all(chunk).is_ok() {}
        }
        Ok(path)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let back = copy(&self.at, &self.kept);
        let gone = Command::new("umount").arg("-l").arg(&self.at).status();
        let moved = fs::remove_dir(&self.at).and_then(|()| fs::rename(&self.kept, &self.at));
        if back.is_err() || gone.is_err() || moved.is_err() {
            println!("{} was not put back: {back:?} {gone:?} {moved:?}", self.at.display());
        }
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().context("cp")?;
    ensure!(copied.success(), "{} was not copied to {}", from.display(), to.display());
    Ok(())
}

pub fn disk_full(stage: &mut Stage) -> Result<()> {
    stage.agent()?.terminate()?;
    stage.agent = None;
    let Some(small) = Small::over(&stage.state())? else {
        println!("  no right to mount a file system: log-store's own tests cover the full disk");
        return stage.start_agent();
    };
    stage.start_agent()?;
    stage.until_more_anchors(1)?;
    let filler = small.fill()?;
    // What is left of the log's last page fills up first.
    let told = stage.dir().join("agent.log");
    stage.until("word of the full disk", |_| {
        Ok(fs::read_to_string(&told)?.contains("no room left").then_some(()))
    })?;
    sleep(Duration::from_secs(10));
    stage.check().context("the agent gave up on a full disk")?;
    fs::remove_file(filler)?;
    stage.until_more_anchors(1)?;
    let gaps = stage.agent_once(&["log", "list", "--from", "0", "--limit", "100000", "--json"])?;
    ensure!(gaps.contains("DiskFull"), "the log does not tell of the full disk");
    stage.agent()?.terminate()?;
    drop(small);
    stage.start_agent()?;
    stage.until_more_anchors(1).map(drop)
}
