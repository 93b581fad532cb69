// A small app on a small host: one worker builds it, and nothing is linted or type-checked.
export default {
  experimental: { cpus: 1 },
  eslint: { ignoreDuringBuilds: true },
  typescript: { ignoreBuildErrors: true },
};
