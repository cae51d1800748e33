import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeUtf8, encodeUtf8, nameOfText, textOfName } from "./utf8.ts";

test("any bytes come back from their text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect([...encodeUtf8(decodeUtf8(bytes))]).toEqual([...bytes]);
    }),
  );
});

test("valid text is itself", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(decodeUtf8(Buffer.from(text, "utf8"))).toBe(text);
      expect(textOfName(nameOfText(text))).toBe(text);
    }),
  );
});

test("bytes that are no UTF-8 are kept apart from the text around them", () => {
  expect(decodeUtf8(Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0xed, 0xa0, 0x80]))).toBe("a\udcffé\udced\udca0\udc80");
  expect(encodeUtf8("\ud800").toString("hex")).toBe("efbfbd");
});
