# The GPU worker with its trainer. torch's own packages bring CUDA; the host needs the NVIDIA driver and its container toolkit.
#
#     docker build -f docker/gpu.Dockerfile -t flamingo-gpu .
#     docker run --gpus all -e TEMPORAL_ADDRESS=… -e FLAMINGO_STORE=s3://bucket/prefix flamingo-gpu
#
# Any host that runs plain containers (RunPod, Vast.ai) takes the same image and variables. Models that are not in the image
# are downloaded into /cache, which may be a volume.
FROM node:22-bookworm
# a compiler for Triton; Python for the trainer's environment
RUN apt-get update \
  && apt-get install -y --no-install-recommends python3 python3-pip python3-venv gcc libc6-dev ca-certificates \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /flamingo
ENV FLAMINGO_CACHE=/opt/flamingo HF_HOME=/cache/huggingface FLAMINGO_HOME=/cache/flamingo NODE_ENV=production
COPY package.json package-lock.json ./
RUN npm ci --include=dev --no-audit --no-fund
COPY . .
# the cache is the worker's own: it also keeps there what it has read from object storage, and hashes of models
RUN npm run setup && npm run build && chown -R node:node /opt/flamingo \
  && ln -s /flamingo/bin/flamingo.js /usr/local/bin/flamingo \
  && mkdir -p /cache && chown node:node /cache
USER node
# exec form: the worker gets SIGTERM itself, and has its trainer save
ENTRYPOINT ["node", "dist/workers/gpu.js"]
