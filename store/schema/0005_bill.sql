-- How a charge came about: "in_text=1000*2500000=2500000000", quantity, pico-USD a unit, product.
ALTER TABLE requests ADD COLUMN bill TEXT NOT NULL DEFAULT '';
