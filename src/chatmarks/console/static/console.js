"use strict";
// What plain pages and forms cannot do: copying, sending without losing one's place, and watching.
