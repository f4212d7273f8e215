// Chinese in the search box. The theme cuts a query into the words of its index and tries every
// piece of it but the whole, so a query that is one word is taken to pieces. With one more
// character behind it, the whole is tried too; 〇 is no word of any page, and is dropped.
"use strict";

const whole = (query) => query.replace(/\p{sc=Han}+/gu, "$&〇");

if (typeof module !== "undefined") module.exports = { whole };
else {
  const QUERY = 2, post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ...rest) {
    const asked = message && message.type === QUERY && typeof message.data === "string";
    return post.call(this, asked ? { ...message, data: whole(message.data) } : message, ...rest);
  };
}
