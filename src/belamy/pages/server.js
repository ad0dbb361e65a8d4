// Asks the server of a page of this machine, which wants the token that stands in the page's address.

const token = location.hash.slice(1);

/** The answer to a request, with a body of JSON where one is given; an error says what to do. */
export async function ask(path, body) {
  const options = { headers: { "X-Belamy-Token": token }, cache: "no-store", credentials: "omit", redirect: "error" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options).catch(() => {
    throw new Error("The server does not answer. Is belamy still running?");
  });
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Error(told.message ?? told.detail ?? `The server answered ${response.status}.`);
}

/** Bytes in base64. */
export function packed(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(text);
}
