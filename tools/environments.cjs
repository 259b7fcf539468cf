'use strict';
/**
 * Which environment variables each process that Flamingo starts is given. Whatever is not listed for a process does not
 * reach it, so a secret goes only to whom it concerns: a judge's key to the judge worker of that account, a token of the
 * model hub to what loads models, and neither to installers, servers and helpers. docs/environment.md shows the table.
 *
 * Plain JavaScript without dependencies, because set-up starts programs before any package is installed.
 */

/** `*` at a name's end stands for anything. */
const GROUPS = {
  /** What a program needs to run at all, and the person's language and time zone. */
  system: [
    'PATH',
    'HOME',
    'USER',
    'LOGNAME',
    'SHELL',
    'HOSTNAME',
    'TMPDIR',
    'TMP',
    'TEMP',
    'XDG_*',
    'LANG',
    'LANGUAGE',
    'LC_*',
    'TZ',
    'TZDIR',
    'TERM',
    'COLORTERM',
    'NO_COLOR',
    'FORCE_COLOR',
    'LD_LIBRARY_PATH',
    'LD_PRELOAD',
    'DYLD_*',
    'MALLOC_*',
    'SYSTEMROOT',
  ],
  /** Proxies, and certificates to trust. */
  network: [
    'HTTP_PROXY',
    'http_proxy',
    'HTTPS_PROXY',
    'https_proxy',
    'ALL_PROXY',
    'all_proxy',
    'NO_PROXY',
    'no_proxy',
    'grpc_proxy',
    'no_grpc_proxy',
    'SSL_CERT_FILE',
    'SSL_CERT_DIR',
    'REQUESTS_CA_BUNDLE',
    'CURL_CA_BUNDLE',
  ],
  node: [
    'NODE_OPTIONS',
    'NODE_EXTRA_CA_CERTS',
    'NODE_USE_ENV_PROXY',
    'NODE_USE_SYSTEM_CA',
    'NODE_ENV',
    'UV_THREADPOOL_SIZE',
  ],
  go: ['GOGC', 'GOMAXPROCS', 'GOMEMLIMIT', 'GODEBUG'],
  flamingo: ['FLAMINGO_*'],
  temporal: ['TEMPORAL_*'],
  profiles: ['TEMPORAL_CONFIG_FILE'],
  /** Object storage: where it is, and who may read and write there. */
  aws: ['AWS_*'],
  /** Where traces are sent; the headers may hold a key for it. */
  otel: ['OTEL_*'],
  /** The judge's key and address. */
  anthropic: ['ANTHROPIC_*'],
  /** The model hub: its cache, its address, and the person's token for it. */
  hub: ['HF_*', 'HUGGING_FACE_*', 'HUGGINGFACE_*'],
  /** What torch and the libraries around it read: devices, threads, compilers, caches. */
  compute: [
    'CUDA_*',
    'CUDNN_*',
    'CUBLAS_*',
    'NVIDIA_*',
    'NCCL_*',
    'GLOO_*',
    'TORCH*',
    'PYTORCH_*',
    'ATEN_*',
    'TRITON_*',
    'OMP_*',
    'GOMP_*',
    'KMP_*',
    'MKL_*',
    'OPENBLAS_*',
    'NUMEXPR_*',
    'TRANSFORMERS_*',
    'TOKENIZERS_*',
    'SAFETENSORS_*',
    'ACCELERATE_*',
    'BNB_*',
    'BITSANDBYTES_*',
    'XFORMERS_*',
    'UNSLOTH_*',
    'TQDM_*',
    'DO_NOT_TRACK',
    'CC',
    'CXX',
    'CPATH',
    'C_INCLUDE_PATH',
    'LIBRARY_PATH',
    'PYTHONHASHSEED',
    'PYTHONFAULTHANDLER',
    'PYTHONDONTWRITEBYTECODE',
    'PYTHONPYCACHEPREFIX',
  ],
  /** Where the package managers of set-up find packages, and how they are configured. */
  packages: [
    'npm_config_*',
    'NPM_CONFIG_*',
    'PIP_*',
    'UV_CACHE_DIR',
    'UV_CONCURRENT_*',
    'UV_CONFIG_FILE',
    'UV_DEFAULT_INDEX',
    'UV_EXTRA_INDEX_URL',
    'UV_FIND_LINKS',
    'UV_HTTP_TIMEOUT',
    'UV_INDEX*',
    'UV_INSECURE_HOST',
    'UV_LINK_MODE',
    'UV_NATIVE_TLS',
    'UV_OFFLINE',
    'UV_PYTHON_*',
    'UV_SYSTEM_CERTS',
    'UV_TORCH_BACKEND',
    'GOCACHE',
    'GOENV',
    'GOINSECURE',
    'GOMODCACHE',
    'GONOPROXY',
    'GONOSUMDB',
    'GOPATH',
    'GOPRIVATE',
    'GOPROXY',
    'GOROOT',
    'GOSUMDB',
    'GOTMPDIR',
    'GOTOOLCHAIN',
    'CI',
  ],
};

const PROCESSES = {
  /** It passes on to each service what that one may have; the judge's key only when it is to serve that account. */
  supervisor: ['system', 'network', 'node', 'go', 'flamingo', 'temporal', 'aws', 'otel', 'hub', 'compute'],
  'supervisor of a Claude judge': [
    'system',
    'network',
    'node',
    'go',
    'flamingo',
    'temporal',
    'aws',
    'otel',
    'hub',
    'compute',
    'anthropic',
  ],
  'Temporal server': ['system', 'go', 'profiles'],
  'stand-in judge': ['system', 'node', 'flamingo'],
  'orchestration worker': ['system', 'network', 'node', 'flamingo', 'temporal', 'aws', 'otel'],
  'judge worker': ['system', 'network', 'node', 'flamingo', 'temporal', 'aws', 'otel'],
  'judge worker of Claude': ['system', 'network', 'node', 'flamingo', 'temporal', 'aws', 'otel', 'anthropic'],
  'GPU worker': ['system', 'network', 'node', 'flamingo', 'temporal', 'aws', 'otel', 'hub', 'compute'],
  trainer: ['system', 'network', 'flamingo', 'hub', 'compute'],
  /** Short-lived: the doctor's look at the Python environment and at the GPU, git, the reader of archives. */
  helper: ['system', 'compute'],
  /** Other judges that the benchmark installs, runs and measures. */
  'peer of the benchmark': ['system', 'network', 'node', 'packages'],
  /** Set-up, when the command line starts it. */
  'set-up': ['system', 'network', 'node', 'go', 'packages', 'flamingo', 'temporal'],
  /** npm, pip, uv, Go and tar, as set-up runs them. */
  installer: ['system', 'network', 'node', 'go', 'packages'],
};

/**
 * The variables of `env` that this process is given; `PROCESSES` has their names. Credentials of object storage go nowhere while
 * the store is a folder.
 */
function environmentFor(name, env) {
  const inObjectStorage = (env.FLAMINGO_STORE ?? '').startsWith('s3://');
  const groups = PROCESSES[name].filter((group) => group !== 'aws' || inObjectStorage);
  const patterns = groups.flatMap((group) => GROUPS[group]);
  const given = (variable) =>
    patterns.some((pattern) =>
      pattern.endsWith('*') ? variable.startsWith(pattern.slice(0, -1)) : variable === pattern,
    );
  return Object.fromEntries(Object.entries(env).filter(([variable]) => given(variable)));
}

module.exports = { GROUPS, PROCESSES, environmentFor };
