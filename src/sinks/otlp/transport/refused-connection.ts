/** How a server says with HTTP 400 that it wants TLS: net/http of Go, nginx, Apache. */
export const WANTS_TLS =
  /^HTTP 400\b.*(an HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port|plain HTTP to an SSL-enabled server)/su;

/** How nginx says with HTTP 400 that it wants a client certificate, or another one. */
export const WANTS_CERTIFICATE =
  /^HTTP 400\b.*(No required SSL certificate was sent|The SSL certificate error)/su;
