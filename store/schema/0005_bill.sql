-- How a charge came about: "in_text=1000*2500000", quantity and pico-USD a unit.
ALTER TABLE requests ADD COLUMN bill TEXT NOT NULL DEFAULT '';
