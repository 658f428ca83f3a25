"""Why a network says what it says of an image: what it decides, and the units, pixels and images behind that."""
