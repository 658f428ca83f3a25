"""What a saved model file holds, read as data: containers, configs of every Keras since 1.2, stored weights; nothing in it runs."""
