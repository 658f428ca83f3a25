"""A data set x a measure -> the images that excite each unit most, statistics and features; resumable."""
