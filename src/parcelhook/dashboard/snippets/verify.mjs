import { createHmac, timingSafeEqual } from "node:crypto";

/** `body`: the bytes as they came (a Buffer), never parsed and rewritten JSON. */
export function isGenuine(secret, headers, body) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const head = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`;
  const expected = Buffer.from("v1," + createHmac("sha256", key).update(head).update(body).digest("base64"));
  const recent = Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"])) <= 300;
  return key.length >= 24 && recent && headers["webhook-signature"].split(" ")
    .map((given) => Buffer.from(given))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected));
}
