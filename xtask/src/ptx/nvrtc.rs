//! NVIDIA's run-time compiler (NVRTC), as far as it is needed: its C interface through `dlopen`.

use anyhow::{Context, Result, bail};
use libloading::Library;
use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    path::Path,
    ptr,
};

type Handle = *mut c_void;
type Create = unsafe extern "C" fn(
    *mut Handle,
    *const c_char,
    *const c_char,
    c_int,
    *const *const c_char,
    *const *const c_char,
) -> c_int;
type Compile = unsafe extern "C" fn(Handle, c_int, *const *const c_char) -> c_int;
type Size = unsafe extern "C" fn(Handle, *mut usize) -> c_int;
type Read = unsafe extern "C" fn(Handle, *mut c_char) -> c_int;
type Destroy = unsafe extern "C" fn(*mut Handle) -> c_int;

/// The loaded library.
pub struct Nvrtc {
    library: Library,
    /// NVRTC looks it up by its name, and finds it where it is loaded already.
    _builtins: Library,
}

impl Nvrtc {
    pub fn load(path: &Path) -> Result<Self> {
        let builtins = path.with_file_name("libnvrtc-builtins.so.12.1");
        // SAFETY: NVIDIA's libraries, checked by their hash when they were fetched; loading runs only their own initialisers.
        unsafe {
            let builtins = Library::new(&builtins).with_context(|| builtins.display().to_string())?;
            let library = Library::new(path).with_context(|| path.display().to_string())?;
            Ok(Self { library, _builtins: builtins })
        }
    }

    fn function<T: Copy>(&self, name: &str) -> Result<T> {
        // SAFETY: each caller names the function whose type it asks for (nvrtc.h of CUDA 12.1).
        let symbol = unsafe { self.library.get::<T>(name.as_bytes()) };
        Ok(*symbol.with_context(|| format!("NVRTC has no {name}"))?)
    }
}

/// A compiled program.
pub struct Program<'a> {
    nvrtc: &'a Nvrtc,
    handle: Handle,
    log: String,
}

impl<'a> Program<'a> {
    /// Compiles for a virtual target (`compute_80`) or a chip (`sm_80`); errors are the compiler's own.
    pub fn compile(
        nvrtc: &'a Nvrtc,
        name: &str,
        text: &str,
        headers: &[(String, String)],
        target: &str,
    ) -> Result<Self> {
        let (name, text) = (CString::new(name)?, CString::new(text)?);
        let strings = |pick: fn(&(String, String)) -> &String| {
            headers.iter().map(|header| CString::new(pick(header).as_str())).collect::<Result<Vec<_>, _>>()
        };
        let (names, texts) = (strings(|header| &header.0)?, strings(|header| &header.1)?);
        let options = [
            format!("--gpu-architecture={target}"),
            "--std=c++17".into(),
            "-default-device".into(),
            "--ptxas-options=-v".into(),
        ];
        let options = options.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>()?;
        let mut handle = ptr::null_mut();
        let create: Create = nvrtc.function("nvrtcCreateProgram")?;
        let (names, texts, flags) = (pointers(&names), pointers(&texts), pointers(&options));
        // SAFETY: all strings outlive the call, and there are as many as is told.
        let made = unsafe {
            create(
                &mut handle,
                text.as_ptr(),
                name.as_ptr(),
                names.len() as c_int,
                texts.as_ptr(),
                names.as_ptr(),
            )
        };
        if made != 0 {
            bail!("NVRTC makes no program (error {made})");
        }
        let mut program = Self { nvrtc, handle, log: String::new() };
        let compile: Compile = nvrtc.function("nvrtcCompileProgram")?;
        // SAFETY: the program exists; options outlive the call.
        let compiled = unsafe { compile(program.handle, flags.len() as c_int, flags.as_ptr()) };
        let log = program.read("nvrtcGetProgramLogSize", "nvrtcGetProgramLog")?;
        program.log = CStr::from_bytes_until_nul(&log).unwrap_or_default().to_string_lossy().into_owned();
        if compiled != 0 {
            bail!("it does not compile (NVRTC's error {compiled}):\n{}", program.log);
        }
        Ok(program)
    }

    /// What compiler and assembler said.
    pub fn log(&self) -> &str {
        &self.log
    }

    pub fn ptx(&self) -> Result<String> {
        let bytes = self.read("nvrtcGetPTXSize", "nvrtcGetPTX")?;
        Ok(CStr::from_bytes_until_nul(&bytes)?.to_str()?.to_string())
    }

    /// Machine code, of a program for a chip.
    pub fn cubin(&self) -> Result<Vec<u8>> {
        self.read("nvrtcGetCUBINSize", "nvrtcGetCUBIN")
    }

    fn read(&self, size: &str, what: &str) -> Result<Vec<u8>> {
        let (size, read): (Size, Read) = (self.nvrtc.function(size)?, self.nvrtc.function(what)?);
        let mut length = 0;
        // SAFETY: the program exists; the buffer has the length that NVRTC asks for.
        let (sized, filled, bytes) = unsafe {
            let sized = size(self.handle, &mut length);
            let mut bytes = vec![0u8; length];
            (sized, read(self.handle, bytes.as_mut_ptr().cast()), bytes)
        };
        if sized != 0 || filled != 0 {
            bail!("{what} fails (NVRTC's errors {sized}, {filled})");
        }
        Ok(bytes)
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        if let Ok(destroy) = self.nvrtc.function::<Destroy>("nvrtcDestroyProgram") {
            // SAFETY: the program exists, and nothing uses it any more.
            unsafe { destroy(&mut self.handle) };
        }
    }
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).collect()
}
