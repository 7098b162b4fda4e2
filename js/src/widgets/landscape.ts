import { alone, epochSlider, temperatureSlider } from "../views/controls/alone";
import { mountLandscape } from "../views/landscape";
import { widget } from "./host";

export default widget(alone(mountLandscape, epochSlider, temperatureSlider));
