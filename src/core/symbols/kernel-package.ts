/**
 * The package that has the debug info of a kernel, by its release (uname -r) as distributions write it; null
 * where the release tells no distribution.
 */
export function kernelDebugPackage(release: string): string | null {
  if (!/^[\w.+~-]{1,128}$/.test(release)) {
    return null;
  }
  if (/\+deb\d+|-(?:amd64|arm64)$/.test(release)) {
    return `linux-image-${release}-dbg`;
  }
  if (/-(?:generic|lowlatency|aws|azure|gcp|oracle|kvm)(?:-\w+)?$/.test(release)) {
    return `linux-image-${release}-dbgsym`;
  }
  if (/\.(?:fc|el|amzn)\d+/.test(release)) {
    return `kernel-debuginfo-${release}`;
  }
  return /-default$/.test(release) ? 'kernel-default-debuginfo' : null;
}
